#!/bin/bash
# rkv over UDP against every replica, what is too long for it in both directions, and --udp off.
# timeout: 120
. "$(dirname "$0")/lib.sh"

start_cluster 3

over_udp() {   # id, arguments...
  local id=$1
  shift
  rkv_at "$id" -t udp "$@"
}

counter() {   # id, name
  rkv_at "$1" -w json status -t tcp | json_objects | grep "^{\"id\":$1,\"address\"" |
    sed -nE "s/.*\"$2\":([0-9]+).*/\1/p"
}

step 'put, get and del at every replica'
for id in 1 2 3; do
  expect_status 0 over_udp "$id" put "key-$id" "value $id"
  for other in 1 2 3; do
    expect_status 0 over_udp "$other" get "key-$id"
    expect_equal 'the value' "$output" "value $id"
  done
  expect_status 0 over_udp "$id" replicas
  expect_equal 'the replicas' "$(grep -c "^[0-9]" <<<"$output")" 3
done
expect_status 0 over_udp 2 del key-1
expect_status 1 over_udp 3 get key-1
expect_status 1 over_udp 1 del key-1
expect_status 0 env RKV_TRANSPORT=udp "$RKV" -s "${address_of_replica[1]}" get key-2
expect_equal 'the value' "$output" 'value 2'

expect_status 0 over_udp 1 status
expect_status 0 over_udp 1 demo

step 'the calls came as datagrams'
for id in 1 2 3; do
  (($(counter "$id" datagrams_answered) >= 5)) || fail "replica $id got no datagrams"
done

step 'a name instead of an address'
expect_status 0 "$RKV" -t udp -s "localhost:${port_of_replica[1]}" get key-2

step 'a value that is too long for a datagram, on its way there'
head -c 1100 /dev/zero | tr '\0' v >fits
head -c 1200 /dev/zero | tr '\0' v >long
expect_status 0 over_udp 1 put fits @fits
expect_status 0 over_udp 2 get fits
expect_equal 'the value' "$output" "$(cat fits)"
expect_status 6 over_udp 1 put long @long
expect_one_line 'stderr' "$error"
expect_match 'stderr' "$error" '1232.*-t tcp'
expect_status 1 rkv_at 1 get long

step 'and on its way back'
expect_status 0 rkv_at 1 -t tcp put long @long
for id in 1 2 3; do
  expect_status 6 over_udp "$id" get long
  expect_one_line 'stderr' "$error"
  expect_match 'stderr' "$error" '1232.*-t tcp'
  expect_status 0 rkv_at "$id" get long
done
(($(counter 1 datagrams_use_tcp) >= 1)) || fail 'the counter of what was too long'

step 'load goes over TCP only'
printf 'a\t1\n' >lines
expect_status 2 over_udp 1 load lines
expect_one_line 'stderr' "$error"
expect_status 2 rkv_at 1 -t sctp get a
expect_one_line 'stderr' "$error"

step 'nobody there'
kv_r kill 3 || fail 'kv_r.sh kill'
expect_status 3 over_udp 3 get key-2
expect_match 'stderr' "$error" 'connection refused'
expect_status 0 "$RKV" -t udp -s "${address_of_replica[3]},${address_of_replica[1]}" get key-2

step '--udp off'
kv_r stop || fail 'kv_r.sh stop'
kv_r start --udp off || fail 'the cluster does not start without UDP'
wait_until "$deadline" all_connected || fail 'the replicas do not find one another'
expect_status 0 rkv_at 1 get key-2
expect_status 3 over_udp 1 get key-2
expect_match 'stderr' "$error" 'connection refused'
expect_status 2 "$RKVD" --data-dir one --udp perhaps
expect_match 'stderr' "$error" '--udp perhaps: on or off'
