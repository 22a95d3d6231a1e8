#!/bin/bash
# A replica that is dead, and one that hangs: reads go on, writes end in time and name it, and go on
# when it is back.
# timeout: 180
. "$(dirname "$0")/lib.sh"

start_cluster 3
expect_status 0 rkv_at 1 put key before

# Runs a put at a replica that must not go through; $status is how it ended.
put_names() {   # replica asked, replica that is missing
  timeout 30 "$RKV" -s "${address_of_replica[$1]}" --timeout 20 put key "during-$2" \
    >put.out 2>put.err
  status=$?
  ((status != 124)) || fail "a put at replica $1 stalls without replica $2"
  expect_one_line 'stderr of the put' "$(<put.err)"
  expect_match 'stderr of the put' "$(<put.err)" "(^|[^0-9.:])$2([^0-9.:]|\$)"
}

put_is_refused() {
  put_names "$@"
  ((status == 3))
}

step 'replica 2 is killed'
kv_r kill 2 || fail 'kill 2'
for id in 1 3; do
  expect_status 0 rkv_at "$id" get key
  wait_until "$deadline" put_is_refused "$id" 2 || fail "a put without replica 2 ended with $status"
  expect_status 0 rkv_at "$id" get key
done
expect_status 3 rkv_at 2 --timeout 5 get key
expect_status 3 "$RKV" -f replicas.conf --timeout 5 -w json status
found=0
while IFS= read -r object; do
  expect_equal 'reachable' "$(json_field "$object" reachable)" \
    "$( (($(json_field "$object" id) == 2)) && echo false || echo true)"
  ((++found))
done < <(json_objects <<<"$output")
expect_equal 'the number of replicas in status' "$found" 3

step 'another replica is tried when one does not answer'
expect_status 0 "$RKV" -s "${address_of_replica[2]},${address_of_replica[1]}" --timeout 10 get key

step 'replica 2 is back'
kv_r restart 2 || fail 'restart 2'
wait_until "$deadline" all_connected || fail 'writes do not go on with replica 2'
expect_status 0 rkv_at 1 put key after
for id in 1 2 3; do
  expect_status 0 rkv_at "$id" get key
  expect_equal "the value at replica $id" "$output" after
done

step 'replica 3 hangs'
kv_r pause 3 || fail 'pause 3'
put_names 1 3
((status == 8 || status == 3)) || fail "a put while replica 3 hangs ended with $status"
expect_status 0 rkv_at 2 get key
kv_r resume 3 || fail 'resume 3'
wait_until "$deadline" all_connected || fail 'writes do not go on with replica 3'
expect_status 0 rkv_at 3 put key last
for id in 1 2 3; do
  expect_status 0 rkv_at "$id" get key
  expect_equal "the value at replica $id" "$output" last
done
