# shellcheck shell=bash disable=SC2034 # variables that the tests use
# What the system tests share; to be sourced. The test runs in an empty directory of its own. Of
# tests/run.sh come $BUILD, $RKVD and $RKV; without it, they are those of build/.
set -uo pipefail

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=scripts/lib.sh
. "$repository/scripts/lib.sh"

export BUILD=${BUILD:-$repository/build}
export RKVD=${RKVD:-$BUILD/rkvd} RKV=${RKV:-$BUILD/rkv}
export RKVD_RPCBIND=off   # what a test starts is not registered with this machine's rpcbind
test_directory=$PWD
[[ -z $(ls -A) ]] || { echo 'a system test runs in an empty directory; see tests/run.sh'; exit 1; }

# Generous: it is reached only when something is wrong.
deadline=$((20 * ${TIMEOUT_FACTOR:-1}))

# Whether the programs are built with a sanitizer: slow, and larger than they are.
sanitized() {
  grep -qE '__[at]san_init' "$RKVD"
}

step() {
  echo "- $*"
}

fail() {
  echo "FAILED: $*"
  if [[ -d $test_directory/cluster ]]; then
    kv_r logs
  fi
  exit 1
}

# ---- exit statuses and output -------------------------------------------------------------------

# Runs a command, keeps its stdout in $output and its stderr in $error, and fails the test when it
# ends with another status.
expect_status() {   # status, command...
  local expected=$1 status
  shift
  "$@" >"$test_directory/.stdout" 2>"$test_directory/.stderr"
  status=$?
  output=$(tr -d '\0' <"$test_directory/.stdout")
  error=$(tr -d '\0' <"$test_directory/.stderr")
  ((status == expected)) ||
    fail "exit status $status instead of $expected: ${*:0:12}"$'\n'"$output"$'\n'"$error"
}

expect_equal() {   # what, value, expected
  [[ $2 == "$3" ]] || fail "$1 is '$2' instead of '$3'"
}

expect_match() {   # what, value, extended regular expression
  [[ $2 =~ $3 ]] || fail "$1 does not match '$3': $2"
}

# One clear line, and nothing else.
expect_one_line() {   # what, value
  [[ -n $2 && $2 != *$'\n'* ]] || fail "$1 should be one line: $2"
}

# ---- a single rkvd ------------------------------------------------------------------------------

# Processes that the test itself has started, by pid.
declare -a started=()

start_process() {   # log, command...; sets $pid
  local log=$1
  shift
  "$@" </dev/null >>"$log" 2>&1 &
  pid=$!
  started+=("$pid")
}

process_ended() {
  ! kill -0 "$1" 2>/dev/null
}

# Waits for the end of a process that start_process has started; its exit status is in $ended_with.
wait_for_end() {   # pid
  wait_until "$deadline" process_ended "$1" || fail "process $1 does not end"
  wait "$1" 2>/dev/null
  ended_with=$?
}

end_all() {
  local status=$? process
  trap '' INT TERM HUP
  for process in "${started[@]}"; do
    kill -KILL "$process" 2>/dev/null
    wait "$process" 2>/dev/null
  done
  if [[ -d $test_directory/cluster ]]; then
    kv_r stop >/dev/null || ((status)) || status=1
  fi
  exit "$status"
}
trap end_all EXIT
trap 'exit 1' INT TERM HUP

# ---- clusters -----------------------------------------------------------------------------------

kv_r() {
  bash "$repository/scripts/kv_r.sh" -f "$test_directory/replicas.conf" \
    -d "$test_directory/cluster" "$@"
}

# The ports of the next cluster, clients' first; by default free ones. For a test with several
# clusters at once: what is free is so until it is used.
cluster_ports=()

# Sets $address_of_replica and $port_of_replica by id, and writes replicas.conf.
prepare_cluster() {   # count
  local id ports=("${cluster_ports[@]}")
  ((${#ports[@]} > 0)) || mapfile -t ports < <(free_ports $((2 * $1)))
  write_replicas_file "$test_directory/replicas.conf" "$1" "${ports[@]}"
  address_of_replica=('') port_of_replica=('')
  for ((id = 1; id <= $1; ++id)); do
    port_of_replica[id]=${ports[id - 1]}
    address_of_replica[id]=127.0.0.1:${ports[id - 1]}
  done
  cluster_size=$1
}

start_cluster() {   # count, rkvd options...
  prepare_cluster "$1"
  shift
  kv_r start "$@" || fail 'the cluster does not start'
  wait_until "$deadline" all_connected || fail 'the replicas do not find one another'
}

# rkv against one replica.
rkv_at() {   # id, arguments...
  local id=$1
  shift
  "$RKV" -s "${address_of_replica[id]}" "$@"
}

# Whether every replica takes a write, and has found all others: replication paxos takes writes
# without some of them.
all_connected() {
  local id
  for ((id = 1; id <= cluster_size; ++id)); do
    rkv_at "$id" put connected "$id" >/dev/null 2>&1 || return 1
  done
  (($("$RKV" -f "$test_directory/replicas.conf" -w json status 2>/dev/null |
    grep -oE '"up": *true' | wc -l) == cluster_size * (cluster_size - 1)))
}

takes_a_put() {   # id
  rkv_at "$1" put probe value >/dev/null 2>&1
}

# The objects of rkv's JSON list, one per line, without white space outside of strings.
json_objects() {
  tr -d '\n' | sed -E 's/("([^"\\]|\\.)*")|[[:space:]]+/\1/g; s/^\[//; s/\]$//' |
    sed -E 's/\},\{("id":[0-9]+,"address":)/}\n{\1/g'
  echo
}

# A field of such an object: a number, true, false, null, or a string as it is between its quotes.
json_field() {   # object, name
  if [[ $1 =~ [{,]\"$2\":(\"([^\"]*)\"|[^,}]*) ]]; then
    if [[ ${BASH_REMATCH[1]} == \"* ]]; then
      echo "${BASH_REMATCH[2]}"
    else
      echo "${BASH_REMATCH[1]}"
    fi
  else
    return 1
  fi
}

# Whether all replicas answer and, under 2pc, none holds a lock for a transaction or knows of one
# that not all have acknowledged: the fields are those of `rkv status`. What they said is in $open.
no_open_transactions() {
  open=$("$RKV" -f "$test_directory/replicas.conf" --timeout 1 -w json status 2>/dev/null |
    json_objects)
  (($(grep -cE '"voting":0,"prepared":0,"unfinished":0,"in_doubt_count":0,' <<<"$open") ==
    cluster_size))
}

# Fails unless that is so a second from now at the latest.
expect_no_open_transactions() {
  local began=${EPOCHREALTIME/./} open=''
  until no_open_transactions; do
    ((${EPOCHREALTIME/./} - began <= 1000000 * ${TIMEOUT_FACTOR:-1})) ||
      fail "transactions are open, or in doubt: $open"
    pause_briefly
  done
}

# Sets $hashes to the state hashes of all replicas. Under paxos, where a replica may be some writes
# behind another, fails while they do not all stand for the same position.
take_hashes() {
  local object hash positions=() replication=''
  hashes=()
  expect_status 0 "$RKV" -f "$test_directory/replicas.conf" --timeout 30 -w json status --state-hash
  while IFS= read -r object; do
    hash=$(json_field "$object" state_hash) || fail "no state_hash in $object"
    [[ $hash =~ ^[0-9a-f]{32}$ ]] || fail "this is not a state hash: '$hash' in $object"
    hashes+=("$hash")
    positions+=("$(json_field "$object" state_hash_position)")
    replication=$(json_field "$object" replication)
  done < <(json_objects <<<"$output")
  expect_equal 'the number of hashes' "${#hashes[@]}" "$cluster_size"
  [[ $replication != paxos ]] || (($(printf '%s\n' "${positions[@]}" | sort -u | wc -l) == 1))
}

# Fails unless all replicas have the same state hash.
expect_equal_hashes() {
  local hashes
  wait_until "$deadline" take_hashes || fail "the replicas do not get to the same position: $output"
  expect_equal 'the number of different hashes' \
    "$(printf '%s\n' "${hashes[@]}" | sort -u | wc -l)" 1
}
