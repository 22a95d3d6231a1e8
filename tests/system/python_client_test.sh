#!/bin/bash
# A client in Python that knows kv.x and the RFCs only: every procedure at every replica, the errors
# of RPC, and many threads at all replicas at once.
# needs: python3
# timeout: 180
. "$(dirname "$0")/lib.sh"

client=$repository/tests/system/kv_client.py
check() {
  PYTHONDONTWRITEBYTECODE=1 python3 "$repository/tests/system/kv_client_check.py" "$@"
}

start_cluster 5
for id in 1 2 3 4 5; do
  step "every procedure at replica $id"
  expect_status 0 check procedures "${address_of_replica[id]}"
  expect_status 0 check strange "${address_of_replica[id]}"
done
expect_equal_hashes

step '16 threads, 200 operations each, at all replicas'
expect_status 0 check threads 16 200 "${address_of_replica[@]:1}"
expect_match 'the end' "$output" '^calls [0-9]+$'
((${output#calls } >= 16 * 200 * 2)) || fail "too few calls: $output"
expect_equal_hashes

step 'its command line'
expect_status 0 python3 "$client" 127.0.0.1 "${port_of_replica[1]}" put 'a key' 'a value'
expect_status 0 rkv_at 2 get 'a key'
expect_equal 'the value' "$output" 'a value'
expect_status 0 python3 "$client" 127.0.0.1 "${port_of_replica[3]}" get 'a key'
expect_equal 'the value' "$output" 'a value'
expect_status 0 python3 "$client" 127.0.0.1 "${port_of_replica[4]}" replicas
expect_match 'replicas' "$output" "client_port=${port_of_replica[5]}"
expect_status 1 python3 "$client" 127.0.0.1 "${port_of_replica[4]}" get 'no such key'
expect_match 'stderr' "$error" KV_NOT_FOUND
expect_status 2 python3 "$client" 127.0.0.1

if [[ $("$RKVD" --help) == *--udp* ]]; then
  step 'the same over UDP'
  for id in 1 5; do
    expect_status 0 check procedures --udp "${address_of_replica[id]}"
  done
  expect_status 0 python3 "$client" --udp 127.0.0.1 "${port_of_replica[3]}" get 'a key'
  expect_equal 'the value' "$output" 'a value'

  step 'datagrams that come more than once'
  expect_status 0 check resent "${address_of_replica[2]}" "${address_of_replica[4]}"
  expect_equal_hashes
fi
