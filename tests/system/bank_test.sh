#!/bin/bash
# Money goes from account to account by transactions, through all replicas, while others add up what
# there is, at each consistency that the protocol has, and by listings of several pages; replicas
# are killed and paused meanwhile. Every sum is what was there at first.
# timeout: 120
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../chaos/lib.sh"

once=$BUILD/once

for replication in paxos 2pc; do
  total_order=1
  [[ $replication == paxos ]] || total_order=0
  rm -rf replicas
  make_replicas 3 --replication "$replication"
  launch_all

  step "$replication: transfers, and replicas are killed and paused"
  start_process "once.log" "$once" bank --servers "$servers" --seconds 12 --timeout 3 \
    --total-order "$total_order"
  run=$pid
  while ! process_ended "$run"; do
    id=$((1 + SRANDOM % cluster_size))
    random_moment 1000
    kill_replicas "$id"
    random_moment 300
    launch "$id"
    wait_for_cluster
    id=$((1 + SRANDOM % cluster_size))
    pause_replica "$id"
    random_moment 700
    resume_replica "$id"
    wait_for_cluster
  done
  wait_for_end "$run"
  forget_process "$run"
  sed 's/^/  /' once.log
  ((ended_with == 0)) || fail "the bank ended with status $ended_with"
  rm once.log
  expect_equal_states
  # shellcheck disable=SC2046 # each id is a word
  kill_replicas $(all_ids)
done
