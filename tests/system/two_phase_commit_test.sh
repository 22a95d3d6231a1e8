#!/bin/bash
# Replication 2pc: two hot keys written through all replicas at once, a replica that is dead and one
# that hangs, --coordinator, and a replica of another protocol. Writes need all replicas: they end
# in time and name the one that is missing, reads go on, and so do writes when it is back.
# timeout: 90
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../chaos/lib.sh"

hot_seconds=4
hot_runs_max=3
stall_ms_max=1000
# From when a member is known to be down. rkv has to be started too: the median of some writes.
refusal_ms_max=$((50 * ${TIMEOUT_FACTOR:-1})) refusals=9
# A hello every 500 ms, which has 1,000 to be answered; then as above.
detection_ms_max=$((1600 * ${TIMEOUT_FACTOR:-1}))

now_ms() {
  echo $((${EPOCHREALTIME/./} / 1000))
}

# Runs a put that fails, with nothing done, and names why; it took $took_ms.
expect_refused_put() {   # replica asked, what the message matches
  local began
  began=$(now_ms)
  expect_status 3 rkv_at "$1" --timeout 10 put key refused
  took_ms=$(($(now_ms) - began))
  expect_one_line "stderr of a put at replica $1" "$error"
  expect_match "stderr of a put at replica $1" "$error" "$2"
}

# From now on puts at a replica are refused at once.
expect_quick_refusals() {   # replica asked, what the message matches
  local i took_ms times=()
  for ((i = 0; i < refusals; ++i)); do
    expect_refused_put "$@"
    times+=("$took_ms")
  done
  mapfile -t times < <(printf '%s\n' "${times[@]}" | sort -n)
  echo "  refused at replica $1 within ${times[refusals / 2]} ms, the median of $refusals"
  ((times[refusals / 2] <= refusal_ms_max)) || fail "puts took so many ms: ${times[*]}"
}

is_seen_down() {   # by replica, replica, what the reason starts with (anything)
  local all
  all=$(statuses)
  grep -q "^{\"id\":$1,.*{\"id\":$2,\"up\":false,\"reason\":\"${3:-}" <<<"$all"
}

expect_value() {   # replica, value
  expect_status 0 rkv_at "$1" --timeout 10 get key
  expect_equal "the value at replica $1" "$output" "$2"
}

expect_writes_go_on() {   # replica that was away
  wait_for_cluster
  expect_status 0 rkv_at "$1" put key "with $1 again"
  local id
  for id in $(all_ids); do
    expect_value "$id" "with $1 again"
  done
}

# ---- five replicas ------------------------------------------------------------------------------

make_replicas 5 --replication 2pc
launch_all

# A load on two keys through all replicas; fails when something has stalled in it.
hot_keys() {   # name of its history
  start_load register --history "$1" --clients 30 --keys 2 --read-percent 20
  over_at=$((${EPOCHREALTIME/./} + hot_seconds * 1000000))
  wait_until "$deadline" load_is_over || fail 'time stands still'
  stop_load
  expect_equal 'operations that failed' "$(($(json_field "$output" refused) +
    $(json_field "$output" unknown)))" 0
  local what
  for what in longest_operation_ms longest_gap_ms; do
    awk -v ms="$(json_field "$output" $what)" -v max=$((stall_ms_max * ${TIMEOUT_FACTOR:-1})) \
      'BEGIN { exit ms > max }' || return 1
  done
}
load_is_over() { ((${EPOCHREALTIME/./} >= over_at)); }

step 'two hot keys, written through all replicas at once'
# Every write waits for every disk, and the disk of a test machine may stand still for seconds by
# itself. It does not do so each time; two writes that wait for one another would.
runs=0
until hot_keys "history-$((++runs))"; do
  echo "  something has stalled, once more: $output"
  ((runs < hot_runs_max)) || fail "something has stalled in each of $runs runs: $output"
done
conflicts=$(statuses | sed -n 's/.*"conflicts":\([0-9]*\).*/\1/p' |
  awk '{ n += $1 } END { print n }')
((conflicts > 0)) || fail 'no two writes have met'
expect_no_open_transactions
for history in history-*; do expect_linearizable "$history"; done
expect_equal_states

step 'a replica is killed: writes name it at once, reads go on'
expect_status 0 rkv_at 1 put key before
kill_replicas 3
for id in 1 2 4 5; do
  wait_until "$deadline" is_seen_down "$id" 3 || fail "replica $id does not notice"
done
for id in 1 5; do
  expect_quick_refusals "$id" 'replica 3 is down'
done
for id in 1 2 4 5; do
  expect_value "$id" before
done
launch 3
expect_writes_go_on 3

step 'a replica hangs: within a detection period the same'
expect_status 0 rkv_at 1 put other before
pause_replica 4
expect_refused_put 1 'replica 4 (is down|has not voted)'
echo "  refused at replica 1 after $took_ms ms"
((took_ms <= detection_ms_max)) || fail "the put took $took_ms ms: $error"
for id in 1 2 3 5; do
  wait_until "$deadline" is_seen_down "$id" 4 || fail "replica $id does not notice"
  expect_value "$id" 'with 3 again'
  expect_status 0 rkv_at "$id" get other
done
expect_quick_refusals 2 'replica 4 is down'
resume_replica 4
expect_writes_go_on 4
expect_no_open_transactions

# ---- --coordinator ------------------------------------------------------------------------------

step '--coordinator: all writes go through one replica'
# shellcheck disable=SC2046 # its words
kill_replicas $(all_ids)
rm -r replicas
make_replicas 3 --replication 2pc --coordinator 2
launch_all
for id in $(all_ids); do
  expect_status 0 rkv_at "$id" put key "through $id"
  for other in $(all_ids); do
    expect_value "$other" "through $id"
  done
done
expect_equal 'who says that it is the coordinator' \
  "$(statuses | sed -n 's/^{"id":\([0-9]*\),.*"role":"coordinator".*/\1/p')" 2
kill_replicas 2
for id in 1 3; do
  wait_until "$deadline" is_seen_down "$id" 2 || fail "replica $id does not notice"
  expect_quick_refusals "$id" 'replica 2 is down: .*; all writes go through it'
  expect_value "$id" 'through 3'
done
launch 2
expect_writes_go_on 2

step '--coordinator is another one at one replica: refused on both sides'
kill_replicas 3
usual=("${rkvd_options[@]}")
for other in '--coordinator 1' ''; do
  # shellcheck disable=SC2206 # its words
  rkvd_options=(--replication 2pc $other)
  launch 3
  for pair in '1 3' '2 3'; do
    # shellcheck disable=SC2086
    wait_until "$deadline" is_seen_down $pair \
      "it refuses: this replica runs ${other:+with }${other:-without}" ||
      fail "not refused: $pair: $(statuses)"
  done
  for id in 1 2; do
    wait_until "$deadline" is_seen_down 3 "$id" 'it refuses: this replica runs with' ||
      fail "not refused: 3 $id: $(statuses)"
  done
  expect_refused_put 1 "replica 3 is down: it refuses: this replica runs with.*--coordinator 2"
  expect_refused_put 3 "replica [12] is down: it refuses: this replica runs with --coordinator 2"
  kill_replicas 3
done

step 'another replication protocol: refused by its own data, and by the others'
for other in paxos forward; do
  expect_status 2 timeout 20 "$RKVD" --id 3 --replicas replicas.conf \
    --data-dir replicas/3/data --replication "$other"
  expect_one_line "stderr of --replication $other" "$error"
  expect_match "stderr of --replication $other" "$error" \
    "was made with replication 2pc, not $other \(--replication\)"
done
mv replicas/3 kept
rkvd_options=(--replication paxos)
launch 3
for pair in '1 3' '2 3' '3 1'; do
  # shellcheck disable=SC2086 # its words
  wait_until "$deadline" is_seen_down $pair 'it refuses: this cluster was created' ||
    fail "not refused: $pair: $(statuses)"
done
expect_refused_put 1 'replica 3 is down: it refuses: .*created with replication paxos'
kill_replicas 3
rm -r replicas/3
mv kept replicas/3
rkvd_options=("${usual[@]}")
launch 3
expect_writes_go_on 3
expect_equal_states
