#!/bin/bash
# One of three replicas gets an error from its disk, in the n-th call: it stops and says why, the
# others go on, and it comes back with a disk that works.
# needs: strace
# timeout: 120
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../chaos/lib.sh"

# The leak check of the address sanitizer does not work under strace.
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
calls=(fdatasync:EIO pwrite64:ENOSPC fdatasync:ENOSPC pwrite64:EIO fsync:EIO)
call_max=60   # the highest n

others_take_puts() {
  local id
  for id in $(others "$victim"); do
    rkv_at "$id" --timeout 2 put while-down "$n" >/dev/null 2>&1 || return 1
  done
}

make_replicas 3
launch_all
start_load record --record record --clients 12 --pause-ms 10

for ((round = 1; round <= rounds; ++round)); do
  for call in "${calls[@]}"; do
    victim=$(($(random_below 3) + 1)) n=$(($(random_below $call_max) + 1))
    ((round > 1)) || [[ $call != fsync:* ]] || n=1   # there are few of them
    step "round $round of $rounds: ${call#*:} from call $n of ${call%:*} at replica $victim"
    kill_replicas "$victim"
    log=replicas/$victim/log
    : >"$log"
    # Each thread counts its own calls.
    rkvd_prefix=(strace -f -qq -o /dev/null -e "trace=${call%:*}"
      -e "inject=${call%:*}:error=${call#*:}:when=$n")
    launch "$victim"
    rkvd_prefix=()
    wait_for_end "${pid_of_replica[victim]}"
    forget_process "${pid_of_replica[victim]}"
    ((ended_with != 0 && ended_with < 128)) || fail "it ended with status $ended_with: $(<"$log")"
    said=$(grep -E '^rkvd: |^[^ ]+ error ' "$log")
    expect_one_line 'what it says at the end' "$said"
    echo "  status $ended_with: $said"
    wait_until "$deadline" others_take_puts || fail 'the others do not go on'
    launch "$victim"
    wait_for_cluster
  done
done

stop_load
expect_equal_states
expect_record record
