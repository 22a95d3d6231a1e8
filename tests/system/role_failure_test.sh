#!/bin/bash
# Roles of all five replicas fail, each for a tenth of the time, while clients write at all of them
# (rkvd --fail): none takes longer than 5 s, what was acknowledged is there, and all get to the same
# state. Under paxos nearly every operation succeeds, while all acceptors fail, then all proposers,
# learners, and every role. Under 2pc, where a write needs every replica, those succeed that meet
# all roles running: all coordinators fail, then all participants, and both.
#
# CHAOS_ROUNDS (1): rounds of the roles. ROLE_SECONDS (4): of load, for each of them.
# timeout: 200
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../chaos/lib.sh"

seconds=${ROLE_SECONDS:-4}
operation_ms_max=5000
up_seconds=1 down_seconds=0.1   # in the mean
((seconds >= 60)) && up_seconds=10 down_seconds=1

field() {   # name
  json_field "$output" "$1"
}

# How many roles were stopped at the replicas, in all.
role_failures() {
  "$RKV" -f replicas.conf -w json status | json_objects |
    sed -n 's/.*"role_failures":\([0-9]*\).*/\1/p' | awk '{ sum += $1 } END { print sum + 0 }'
}

fail_roles() {   # replication, percent of the operations that must succeed, role...
  local replication=$1 success_percent_min=$2 role total succeeded
  shift 2
  step "$replication, roles of all replicas fail: $*"
  rm -rf replicas record
  rkvd_options=(--replication "$replication" --fail-seed "$SRANDOM")
  for role; do rkvd_options+=(--fail "$role:$up_seconds:$down_seconds"); done
  launch_all
  expect_status 0 "$chaos_load" record --record record --servers "$servers" --clients 20 \
    --pause-ms 5 --timeout-ms 10000 --seconds "$seconds"
  echo "  load: ${output%%,\"servers\"*}}"
  total=$(field operations) succeeded=$(field acknowledged)
  ((total > 100)) || fail "too few operations: $output"
  ((succeeded * 100 >= total * success_percent_min)) ||
    fail "$succeeded of $total operations succeeded"
  awk -v ms="$(field longest_operation_ms)" -v max="$operation_ms_max" 'BEGIN { exit ms > max }' ||
    fail "an operation took longer than $operation_ms_max ms: $output"
  failures=$(role_failures)
  echo "  roles were stopped $failures times"
  ((failures >= 5)) || fail 'too few roles have failed to say anything'
  grep -qE "the $1 (is|was) stopped|$1.*stop" replicas/1/log replicas/2/log replicas/3/log ||
    fail 'no log says that a role was stopped'

  # Without failures, so that all can be compared.
  # shellcheck disable=SC2046 # its words
  kill_replicas $(all_ids)
  rkvd_options=()
  launch_all
  [[ $replication != 2pc ]] || expect_no_open_transactions
  expect_equal_states
  expect_record record
  # shellcheck disable=SC2046
  kill_replicas $(all_ids)
}

step 'what --fail does not take'
for wrong in acceptor acceptor:0:1 acceptor:1:x leader:10:1; do
  expect_status 2 "$RKVD" --data-dir none --fail "$wrong"
  expect_one_line "stderr of --fail $wrong" "$error"
done

make_replicas 5
for ((round = 1; round <= rounds; ++round)); do
  fail_roles paxos 95 acceptor
  fail_roles paxos 95 proposer
  fail_roles paxos 95 learner
  fail_roles paxos 95 acceptor proposer learner
  fail_roles 2pc 80 coordinator
  fail_roles 2pc 30 participant
  fail_roles 2pc 20 coordinator participant
done
