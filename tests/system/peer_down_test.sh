#!/bin/bash
# A replica that is dead, and one that hangs. Under paxos the others serve; with two of three dead,
# calls end in time and say why. Under forward reads go on, writes end in time and name it, and go
# on when it is back.
# timeout: 180
. "$(dirname "$0")/lib.sh"

# ---- paxos ---------------------------------------------------------------------------------------

start_cluster 3 --replication paxos --request-timeout-ms 2000
expect_status 0 rkv_at 1 put key before

expect_service_without() {   # replica
  local id other value="without $1" others=()
  for id in 1 2 3; do
    ((id == $1)) || others+=("$id")
  done
  for id in "${others[@]}"; do
    expect_status 0 rkv_at "$id" --timeout 10 put key "$value at $id"
    for other in "${others[@]}"; do
      expect_status 0 rkv_at "$other" --timeout 10 get key
      expect_equal "the value at replica $other" "$output" "$value at $id"
    done
  done
}

for id in 1 2 3; do
  step "replica $id is killed: the two others serve"
  kv_r kill "$id" || fail "kill $id"
  expect_service_without "$id"
  expect_status 3 rkv_at "$id" --timeout 5 get key
  kv_r restart "$id" || fail "restart $id"
  wait_until "$deadline" all_connected || fail "replica $id is not found again"
done
expect_equal_hashes

for id in 1 2 3; do
  step "replica $id hangs: the two others serve"
  kv_r pause "$id" || fail "pause $id"
  expect_service_without "$id"
  kv_r resume "$id" || fail "resume $id"
  wait_until "$deadline" all_connected || fail "replica $id is not found again"
done
expect_equal_hashes

step 'replicas 2 and 3 are killed: replica 1 alone serves nothing, and says why'
expect_status 0 rkv_at 1 put key before
kv_r kill 2 || fail 'kill 2'
kv_r kill 3 || fail 'kill 3'
began=$SECONDS
timeout 30 "$RKV" -s "${address_of_replica[1]}" --timeout 5 put key alone >put.out 2>put.err
status=$?
# 4: it was the leader still, and has proposed the write; it may be chosen when the others are back.
# rkv tries that again, with one operation id, until its time is over.
((status == 3 || status == 4)) || fail "a put at replica 1 alone ended with $status: $(<put.err)"
expect_one_line 'stderr of the put' "$(<put.err)"
for call in 'get key' 'put key alone'; do
  # shellcheck disable=SC2086 # its words
  expect_status 3 rkv_at 1 --timeout 20 $call
  expect_one_line "stderr of $call" "$error"
  expect_match "stderr of $call" "$error" 'there is no leader: a majority of the replicas must be'
done
# Two seconds each, the five of the first, and what a busy machine adds.
((SECONDS - began <= 15)) || fail "three calls took $((SECONDS - began)) s"

step 'replica 3 is back: two are a majority'
kv_r restart 3 || fail 'restart 3'
expect_status 0 rkv_at 1 --timeout 10 get key
expect_match 'the value' "$output" '^(before|alone)$'
expect_service_without 2
kv_r restart 2 || fail 'restart 2'
wait_until "$deadline" all_connected || fail 'replica 2 is not found again'
expect_equal_hashes
kv_r stop || fail 'stop'
kv_r clean || fail 'clean'

# ---- forward -------------------------------------------------------------------------------------

kv_r start --replication forward || fail 'the cluster does not start'
wait_until "$deadline" all_connected || fail 'the replicas do not find one another'
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
