#!/bin/bash
# At every failpoint in turn, a process is killed while it writes: what it had acknowledged is there
# afterwards. In phases: a log alone, a replica that is made, a single replica, one of a cluster of
# paxos, one of 2pc. Each failpoint must be reached in one of them. Phases with processes that wait
# for one another run at the same time.
# timeout: 300
. "$(dirname "$0")/lib.sh"

failpoint_rkvd=$BUILD/failpoints/rkvd
log_writer=$BUILD/failpoints/log_writer
mapfile -t all_failpoints < <(RKVD_FAILPOINTS=list "$failpoint_rkvd")
writes=40          # in each round
later_hit_max=25   # a later round at a failpoint is at a random hit from 2 to this one
unreliable_rounds=3

# Which failpoints a phase goes through, by a regular expression.
in_log='^(disk|log)_'
in_making='^(disk|log|start|store)_'
in_replica='^(client|disk|log|replica|start|store)_'
in_cluster='^(client|log|peers|replica)_'
in_two_phase_commit='^(log|peers|replica|twopc)_'

# ---- rounds -------------------------------------------------------------------------------------

# A round has one failpoint kill a process, once, and checks what is left. It succeeds when the
# failpoint was reached, and fails the test when something is wrong.

declare -A reached=()

# A round for each failpoint of a phase at its first hit; for those that this reaches, more at
# random later hits, if there is time for that: CHAOS_ROUNDS (1) is how many in all.
rounds() {   # regular expression, function, regular expression of those that are left out (none)
  local failpoint hit kills=0 i
  for failpoint in "${all_failpoints[@]}"; do
    [[ $failpoint =~ $1 ]] || continue
    [[ ! $failpoint =~ ${3:-^$} ]] || continue
    "$2" "$failpoint" 1 || continue
    reached[$failpoint]=1
    ((++kills))
    for ((i = 1; i < ${CHAOS_ROUNDS:-1}; ++i)); do
      hit=$((2 + RANDOM % (later_hit_max - 1)))
      ! "$2" "$failpoint" "$hit" || ((++kills))
    done
  done
  echo "  $kills kills"
  ((kills > 0)) || fail "no failpoint of $1 was reached"
}

killed_at() {   # failpoint, log
  grep -qx "killed at failpoint $1" "$2"
}

# ---- a log alone --------------------------------------------------------------------------------

log_last=0   # the last slot that was said to be durable

write_log() {   # RKVD_FAILPOINTS; sets $status
  local slot
  RKVD_FAILPOINTS=$1 "$log_writer" log >slots 2>log-writer.log
  status=$?
  slot=$(tail -n 1 slots)
  ((${slot:-0} <= log_last)) || log_last=$slot
  expect_status 0 "$log_writer" log "$log_last"
}

kill_log() {   # failpoint, hit
  write_log "$1=kill@$2" 2>/dev/null   # where bash says who was killed
  if killed_at "$1" log-writer.log; then
    expect_equal "the exit status after $1=kill@$2" "$status" 137
  else
    expect_equal "the exit status without $1 at hit $2" "$status" 0
    return 1
  fi
}

# The disk fails: the log says so once and ends.
fail_log() {   # failpoint, hit
  write_log "$1=fail@$2"
  ((status != 0)) || return 1
  expect_equal "the exit status after $1=fail@$2" "$status" 1
  expect_one_line 'what log_writer says' "$(<log-writer.log)"
  expect_match 'what log_writer says' "$(<log-writer.log)" 'cannot be (made|written|synced|removed)'
}

# ---- a single replica ---------------------------------------------------------------------------

mapfile -t ports < <(free_ports 14)
address=127.0.0.1:${ports[0]}   # the next one is for peers; six are for each of two clusters
answers() { "$RKV" -s "$address" --timeout 2 get absent >/dev/null 2>&1 || (($? == 1)); }
answers_or_ended() { process_ended "$pid" || answers; }

# Starts rkvd and waits until it answers, or has ended.
start_rkvd() {   # program, directory, RKVD_FAILPOINTS
  : >rkvd.log
  start_process rkvd.log env ${3:+"RKVD_FAILPOINTS=$3"} "$1" --data-dir "$2" \
    --listen "$address" --peer-listen "127.0.0.1:${ports[1]}"
  wait_until "$deadline" answers_or_ended || fail "rkvd does not answer: $(<rkvd.log)"
}

end_rkvd() {
  kill -KILL "$pid" 2>/dev/null
  wait_for_end "$pid"
}

round=0   # every round has keys of its own

# Puts keys at a replica, and adds those that were acknowledged to the file `recent`.
write_keys() {   # address
  local i
  ((++round))
  for ((i = 1; i <= writes; ++i)); do
    echo "put key-$round-$i value-$round-$i"
  done >puts
  # One line comes back for each, an answer or a failure.
  "$RKV" -s "$1" --timeout 5 shell <puts 2>&1 | paste -d ' ' puts - |
    awk '$4 == "ok" { print $2, $3 }' >>recent
}

# Has a replica save its state: a hash of it wants that. By itself it does so when the writes are
# some seconds old, and is killed then; at a later hit than the first it would take as long again.
save_state() {   # address, failpoint, hit, command that tells whether the replica was killed
  "$RKV" -s "$1" --timeout 5 status --state-hash >/dev/null 2>&1
  [[ $2 != replica_*_save || $3 != 1 ]] || wait_until "$deadline" "${@:4}"
}

# Adds what is recent to the file `acknowledged`.
keep_recent() {
  cat recent >>acknowledged
  : >recent
}

expect_values() {   # address, file of keys and values
  local wrong
  sed 's/^\([^ ]*\) .*/get \1/' "$2" >gets
  wrong=$("$RKV" -s "$1" --timeout 10 shell <gets 2>&1 | paste -d ' ' "$2" - |
    awk '$2 != $3 || NF != 3' | head -n 3)
  [[ -z $wrong ]] || fail "acknowledged (key, value), and read at $1: $wrong"
}

# Until it answers: at that time nothing is acknowledged yet.
kill_new_replica() {   # failpoint, hit
  rm -rf new
  start_rkvd "$failpoint_rkvd" new "$1=kill@$2"
  end_rkvd
  killed_at "$1" rkvd.log || return
  start_rkvd "$RKVD" new
  if process_ended "$pid"; then
    expect_one_line 'what rkvd says' "$(<rkvd.log)"
    expect_match 'what rkvd says' "$(<rkvd.log)" 'was broken off; remove it'
  fi
  end_rkvd
}

check_replica() {   # what was armed before
  start_rkvd "$RKVD" data
  ! process_ended "$pid" || fail "rkvd does not start after $1: $(<rkvd.log)"
  expect_values "$address" recent
  keep_recent
  end_rkvd
}

kill_replica() {   # failpoint, hit
  local status=0
  start_rkvd "$failpoint_rkvd" data "$1=kill@$2"
  process_ended "$pid" || write_keys "$address"
  process_ended "$pid" || save_state "$address" "$1" "$2" process_ended "$pid"
  end_rkvd
  killed_at "$1" rkvd.log || status=1
  check_replica "$1=kill@$2"
  return $status
}

# The disk fails: rkvd says why, and ends.
fail_replica() {   # failpoint, hit
  local status
  start_rkvd "$failpoint_rkvd" data "$1=fail@$2"
  process_ended "$pid" || write_keys "$address"
  process_ended "$pid" || save_state "$address" "$1" "$2" process_ended "$pid"
  end_rkvd
  status=$ended_with
  ((status == 137)) ||
    expect_match "what rkvd says after $1=fail@$2" "$(<rkvd.log)" 'cannot (be )?[a-z]+'
  check_replica "$1=fail@$2"
  ((status == 1)) || expect_equal "the exit status without $1 at hit $2" "$status" 137
  ((status == 1))
}

# ---- a cluster ----------------------------------------------------------------------------------

write_at_all() {
  local id
  for id in 2 1 3; do
    write_keys "${address_of_replica[id]}"
  done
}

replication=paxos   # of the cluster

# Under 2pc first of all, for it is timed: what was in doubt without replica 2 is known soon after
# it is back, at all replicas the same, also of writes that were not acknowledged.
check_cluster() {   # what was armed before
  local id
  if [[ $replication == 2pc ]]; then
    expect_no_open_transactions
    expect_equal_hashes
  fi
  wait_until "$deadline" all_connected || fail "the replicas do not get on after $1"
  for id in 1 2 3; do
    expect_values "${address_of_replica[id]}" recent
  done
  keep_recent
}

kills_of_replica_2() {   # failpoint
  kv_r logs 2 | grep -cx "killed at failpoint $1"
}

kill_one_of_cluster() {   # failpoint, hit
  local kills
  kills=$(kills_of_replica_2 "$1")
  RKVD=$failpoint_rkvd RKVD_FAILPOINTS=$1=kill@$2 kv_r restart 2 >/dev/null 2>&1
  write_at_all
  kills=$(($(kills_of_replica_2 "$1") - kills))
  kv_r restart 2 >/dev/null || fail "replica 2 does not start after $1=kill@$2"
  check_cluster "$1=kill@$2"
  ((kills == 1))
}

# Some messages and answers are lost and some syncs take long, at all replicas.
unreliable_cluster() {
  local id name line="seed=$RANDOM;disk_before_sync=delay:10%20;store_before_write=delay:10%20"
  for name in peers_before_send peers_before_request peers_before_answer client_before_answer; do
    line+=";$name=fail%5"
  done
  for id in 1 2 3; do
    RKVD=$failpoint_rkvd RKVD_FAILPOINTS=$line kv_r restart "$id" >/dev/null ||
      fail "replica $id does not start with $line"
  done
  write_at_all
  for id in 1 2 3; do
    kv_r restart "$id" >/dev/null || fail "replica $id does not start after $line"
  done
  check_cluster "$line"
}

# ---- steps --------------------------------------------------------------------------------------

step 'an ordinary rkvd has no failpoints, and says so'
((${#all_failpoints[@]} >= 20)) || fail "these are too few failpoints: ${all_failpoints[*]}"
expect_status 2 env RKVD_FAILPOINTS=list "$RKVD" --data-dir none
expect_one_line 'stderr' "$error"
expect_match 'stderr' "$error" 'RKVD_FAILPOINTS.*no failpoints'
! grep -qF "${all_failpoints[0]}" "$RKVD" || fail "${all_failpoints[0]} is in an ordinary rkvd"

step 'a failpoint that is not there'
expect_status 2 env RKVD_FAILPOINTS=no_such_place=kill "$failpoint_rkvd" --data-dir none
expect_one_line 'stderr' "$error"
expect_match 'stderr' "$error" 'no_such_place'
[[ ! -e none ]] || fail 'rkvd has begun with a wrong RKVD_FAILPOINTS'

# ---- phases -------------------------------------------------------------------------------------

declare -a phases=() pid_of_phase=()

# Runs a function in a process and a directory of its own; the failpoints that it has reached are in
# the file `reached` there.
start_phase() {   # function
  mkdir "$1"
  (
    cd "$1" || exit 1
    test_directory=$PWD started=()
    trap end_all EXIT
    trap 'exit 1' INT TERM HUP
    : >recent >acknowledged
    "$1"
    printf '%s\n' "${!reached[@]}" >reached
  ) >"$1.out" 2>&1 &
  phases+=("$1")
  pid_of_phase+=("$!")
}

end_phases() {
  local status=$? phase
  for phase in "${pid_of_phase[@]}"; do
    kill -TERM "$phase" 2>/dev/null
    wait "$phase"
  done
  (exit "$status")
  end_all
}
trap end_phases EXIT

# Waits for all of them, and says what they have said.
finish_phases() {
  local i failed=''
  for i in "${!phases[@]}"; do
    wait "${pid_of_phase[i]}" || failed+=" ${phases[i]}"
    grep -vE 'line [0-9]+: +[0-9]+ Killed ' "${phases[i]}.out"   # where bash says who was killed
  done
  pid_of_phase=()
  [[ -z $failed ]] || fail "these phases:$failed"
}

a_log() {
  step 'a log: killed'
  mkdir log
  rounds "$in_log" kill_log
  step 'a log: the disk fails'
  rounds '^disk_before_' fail_log
  echo "  $log_last slots"
}

a_single_replica() {
  a_log
  step 'a replica that is made: killed before it answers'
  rounds "$in_making" kill_new_replica
  step 'a single replica: killed while it writes'
  rounds "$in_replica" kill_replica
  step 'a single replica: the disk fails'
  rounds '^(disk|store)_before_' fail_replica
  start_rkvd "$RKVD" data
  expect_values "$address" acknowledged
  end_rkvd
  echo "  $(wc -l <acknowledged) acknowledged writes are there"
}

# A replica of a cluster is killed; then messages are lost.
a_cluster() {   # replication, first of its ports, the regular expressions of rounds
  local i id
  replication=$1
  cluster_ports=("${ports[@]:$2:6}")
  step "a replica of a cluster of $replication: killed while all write"
  start_cluster 3 --replication "$replication"
  rounds "$3" kill_one_of_cluster "${4:-}"
  step "a cluster of $replication: messages and answers are lost"
  for ((i = 0; i < unreliable_rounds; ++i)); do
    unreliable_cluster
  done
  echo "  $(wc -l <acknowledged) acknowledged writes are there"
  for id in 1 2 3; do
    expect_values "${address_of_replica[id]}" acknowledged
  done
  expect_equal_hashes
}

a_cluster_of_paxos() {
  a_cluster paxos 2 "$in_cluster" '_(decision|vote|acknowledgement)$'
}

a_cluster_of_2pc() {
  a_cluster 2pc 8 "$in_two_phase_commit"
}

start_phase a_single_replica
start_phase a_cluster_of_paxos
start_phase a_cluster_of_2pc
finish_phases

step 'each failpoint was reached'
for phase in "${phases[@]}"; do
  while read -r failpoint; do reached[$failpoint]=1; done <"$phase/reached"
done
missing=()
for failpoint in "${all_failpoints[@]}"; do
  [[ -n ${reached[$failpoint]:-} ]] || missing+=("$failpoint")
done
((${#missing[@]} == 0)) || fail "no phase has reached ${missing[*]}"
