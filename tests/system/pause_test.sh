#!/bin/bash
# The leader is stopped for five seconds under reads and writes, and goes on: nobody reads what is
# old. The same for replicas that are killed and started again at once, within a lease.
# timeout: 120
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../chaos/lib.sh"

pause_s=5
restarts=10   # in a row, in each round

# A load of many reads and writes, pinned: those of a replica that was paused are still there when
# it goes on.
start_registers() {
  start_load register --history "history" --clients 30 --keys 10 --read-percent 60 --pinned \
    --pause-ms 5 --timeout-ms $((pause_s * 1000 + 2000))
}

# A lease as long as --election-ms: longer than a restart takes.
make_replicas 5 --election-ms 500
launch_all

for ((round = 1; round <= rounds; ++round)); do
  step "round $round of $rounds: the leader is paused for $pause_s s"
  start_registers
  wait_for_leader
  old=$leader
  random_moment 500
  pause_replica "$old"
  since=$SECONDS
  other_leader() { has_leader && [[ $leader != "$old" ]]; }
  wait_until "$deadline" other_leader || fail "nobody follows replica $old: $(statuses)"
  expect_status 0 rkv_at "$leader" put while-paused "$round"
  pause_is_over() { ((SECONDS >= since + pause_s)); }
  wait_until "$deadline" pause_is_over || fail 'time stands still'
  resume_replica "$old"
  # It may wait or refuse, but what it answers is new.
  if value=$(rkv_at "$old" get while-paused 2>&1); then
    expect_equal 'what the old leader reads' "$value" "$round"
  fi
  wait_for_cluster

  step "round $round of $rounds: $restarts restarts within a lease"
  for ((restart = 1; restart <= restarts; ++restart)); do
    wait_for_leader
    victim=$leader
    # Every second time one that follows: it has granted the lease that it has forgotten.
    ((restart % 2 == 0)) || victim=$((leader % 5 + 1))
    random_moment 200
    kill_replicas "$victim"
    launch "$victim"
    wait_for_cluster
  done
  stop_load
  expect_linearizable history
  expect_equal_states
done
