#!/bin/bash
# Five replicas of replication 2pc under reads and writes through all of them; kill -9 of one, of
# two, of all at once, at random moments; then the same where all writes go through one, which is
# killed too. No acknowledged write is missing, nobody reads what is old, all get to the same state;
# what is in doubt is known soon after the replicas are back, and no lock is left.
# timeout: 150
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../chaos/lib.sh"

in_doubt_ms_max=$((1000 * ${TIMEOUT_FACTOR:-1}))   # from when the replicas answer again

answer() {   # id...
  local id
  for id; do
    rkv_at "$id" --timeout 1 get absent >/dev/null 2>&1 || (($? == 1)) || return 1
  done
}

# How many transactions are in doubt, at all replicas that answer.
in_doubt() {
  statuses | sed -n 's/.*"in_doubt_count":\([0-9]*\).*/\1/p' | awk '{ n += $1 } END { print n + 0 }'
}

nothing_in_doubt() {
  (($(in_doubt) == 0))
}

kill_and_restart() {   # id...
  local id began took_ms left
  random_moment 700
  kill_replicas "$@"
  random_moment 700
  left=$(in_doubt)
  for id; do launch "$id"; done
  wait_until "$deadline" answer "$@" || fail "replicas $* do not answer"
  began=${EPOCHREALTIME/./}
  wait_until "$deadline" nothing_in_doubt || fail "in doubt for good: $(statuses)"
  took_ms=$(((${EPOCHREALTIME/./} - began) / 1000))
  echo "  kill -9 of $*: $left in doubt at the others, none $took_ms ms after their return"
  ((took_ms <= in_doubt_ms_max)) || fail 'that is too late'
  wait_for_cluster
}

end_load() {
  random_moment 300
  stop_load
  expect_no_open_transactions
  expect_equal_states
}

# Everything twice: with histories, and with a record of what was acknowledged.
under_both_loads() {   # function
  start_load register --history history --clients 20 --keys 5 --read-percent 40 --pause-ms 5 \
    --timeout-ms 3000
  "$1"
  end_load
  expect_linearizable history
  start_load record --record record --clients 20 --pause-ms 10 --timeout-ms 3000
  "$1"
  end_load
  expect_record record
}

kill_some() {
  mapfile -t victims < <(shuf -i 1-5 -n 3)
  kill_and_restart "${victims[0]}"
  kill_and_restart "${victims[@]:1}"
  # shellcheck disable=SC2046 # its words
  kill_and_restart $(all_ids)
}

kill_coordinator() {
  kill_and_restart 2
  kill_and_restart 4
  kill_and_restart 2 4
}

for ((round = 1; round <= rounds; ++round)); do
  step "round $round of $rounds: whoever is asked coordinates"
  rm -rf replicas record
  make_replicas 5 --replication 2pc
  launch_all
  under_both_loads kill_some
  # shellcheck disable=SC2046
  kill_replicas $(all_ids)

  step "round $round of $rounds: replica 2 coordinates"
  rm -r replicas record
  rkvd_options+=(--coordinator 2)
  launch_all
  under_both_loads kill_coordinator
  # shellcheck disable=SC2046
  kill_replicas $(all_ids)
done
