#!/bin/bash
# 64 clients increment counters through all replicas while replies get lost, replicas are killed and
# paused, and all of them restarted: each increment that was acknowledged was done, and none twice.
# Clients that retry to the end get every one of theirs done. Over TCP and over UDP, where datagrams
# come twice and late as well; under paxos and 2pc.
# timeout: 240
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../chaos/lib.sh"

once=$BUILD/once
factor=${TIMEOUT_FACTOR:-1}

# The counters' run in the background; $run is its pid.
start_counters() {   # options...
  start_process "once.log" "$once" counters --servers "$servers" "$@"
  run=$pid
}

finish_counters() {
  wait_for_end "$run"
  forget_process "$run"
  sed 's/^/  /' once.log
  ((ended_with == 0)) || fail "the counters ended with status $ended_with: $(<once.log)"
  grep -qE '^lost [1-9]' once.log || fail 'no reply was lost: the test has tested nothing'
  rm once.log
}

run_is_over() {
  process_ended "$run"
}

# kill -9 and pauses of one replica after the other, until the run is over.
disturb() {
  local id
  while ! run_is_over; do
    id=$((1 + SRANDOM % cluster_size))
    random_moment 300
    kill_replicas "$id"
    random_moment 300
    launch "$id"
    wait_for_cluster
    id=$((1 + SRANDOM % cluster_size))
    pause_replica "$id"
    random_moment 900
    resume_replica "$id"
    wait_for_cluster
  done
}

restart_all() {
  # shellcheck disable=SC2046 # each id is a word
  kill_replicas $(all_ids)
  launch_all
}

for replication in paxos 2pc; do
  rm -rf replicas
  make_replicas 3 --replication "$replication"
  launch_all

  step "$replication, TCP: replicas are killed and paused, each tenth reply is lost"
  start_counters --seconds 8 --timeout 3 --lose-reply-every 10
  disturb
  finish_counters

  step "$replication, TCP: all replicas are restarted at once; clients retry to the end"
  start_counters --seconds 6 --timeout $((60 * factor)) --lose-reply-every 7 --to-the-end
  for ((i = 1; i <= 2; ++i)); do
    random_moment 2000
    restart_all
  done
  finish_counters

  step "$replication, UDP: datagrams are lost, come twice and late; all replicas are restarted"
  start_counters --udp --seconds 6 --timeout $((60 * factor)) --lose-reply-every 10 \
    --duplicate-every 5 --delay-every 7 --to-the-end
  random_moment 3000
  restart_all
  finish_counters

  expect_equal_states
  sum=$("$once" sum --servers "$servers")
  restart_all
  expect_equal "the sum after a restart" "$("$once" sum --servers "$servers")" "$sum"
  # shellcheck disable=SC2046
  kill_replicas $(all_ids)
done
