#!/bin/bash
# How long nobody gets a write acknowledged after a kill -9 of the leader, and after it was paused,
# at 64 writes under way: five replicas, CHAOS_KILLS (3) times each. With 100 and more, the goals of
# the project are to be reached; with fewer it is seen that every one ends.
# timeout: 120
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../chaos/lib.sh"

kills=${CHAOS_KILLS:-3}
enough=100        # kills, for goals to mean something
p50_goal_ms=300   # after a kill
p99_goal_ms=500
paused_p99_goal_ms=700

# For each moment of the file MOMENTS, in microseconds since 1970, how many milliseconds later the
# longest time without an acknowledged write that began by then was over, or within 50 ms of it:
# answers of before may yet arrive.
outages() {   # moments, gaps
  awk 'FNR == NR { begin[FNR] = $1; end[FNR] = $2; count = FNR; next }
    {
      longest = 0; over = $1
      for (i = 1; i <= count; ++i) {
        if (end[i] > $1 && begin[i] < $1 + 5e4 && end[i] - begin[i] > longest) {
          longest = end[i] - begin[i]; over = end[i]
        }
      }
      printf "%.1f\n", (over - $1) / 1000
    }' "$2" "$1" | sort -n
}

# Prints p50, p99 and the maximum of sorted numbers, and sets $p50 and $p99 to whole milliseconds.
summarize() {   # name, file of numbers
  local numbers count
  mapfile -t numbers <"$2"
  count=${#numbers[@]}
  p50=${numbers[(count - 1) / 2]} p99=${numbers[(count * 99 + 99) / 100 - 1]}
  echo "$1: $count times, milliseconds without a write: p50 $p50, p99 $p99, max ${numbers[-1]}"
  p50=${p50%.*} p99=${p99%.*}
}

start_writes() {
  start_load register --history /dev/null --read-percent 0 --clients 64 --keys 64 \
    --timeout-ms 1000 --gaps gaps
}

make_replicas 5
launch_all

step "kill -9 of the leader, $kills times"
start_writes
for ((i = 1; i <= kills; ++i)); do
  wait_for_leader
  random_moment 1000
  echo "${EPOCHREALTIME/./}" >>killed
  kill_replicas "$leader"
  old=$leader
  wait_for_leader
  launch "$old"
  wait_for_cluster
done
stop_load
outages killed gaps >after-kill
summarize 'kill -9' after-kill
((kills < enough || (p50 <= p50_goal_ms && p99 <= p99_goal_ms))) ||
  fail "the goals are p50 $p50_goal_ms ms and p99 $p99_goal_ms ms"

step "pause of the leader, $kills times"
start_writes
other_leader() { has_leader && [[ $leader != "$old" ]]; }
for ((i = 1; i <= kills; ++i)); do
  wait_for_leader
  random_moment 1000
  echo "${EPOCHREALTIME/./}" >>paused
  pause_replica "$leader"
  old=$leader
  wait_until "$deadline" other_leader || fail "nobody follows replica $old: $(statuses)"
  resume_replica "$old"
  wait_for_cluster
done
stop_load
outages paused gaps >after-pause
summarize pause after-pause
((kills < enough || p99 <= paused_p99_goal_ms)) || fail "the goal is p99 $paused_p99_goal_ms ms"
expect_equal_states
