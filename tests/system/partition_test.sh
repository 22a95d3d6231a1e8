#!/bin/bash
# Five replicas on hosts of their own, between which links are cut: both ways, one way, and so that
# not everybody reaches everybody who is reached. Who can reach a majority serves; who cannot
# refuses, soon and with a reason; after healing all serve, and nobody has read what is old.
# Without CHAOS_ROUNDS, half of the shapes.
# needs: root unshare nsenter ip
# timeout: 240
[[ -n ${CHAOS_INSIDE:-} ]] || CHAOS_INSIDE=1 exec unshare --net --mount --pid --fork --kill-child \
  --mount-proc bash "$0"
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../chaos/lib.sh"

request_timeout_ms=2000   # of rkvd: a call is answered by then
refusal_ms=$((3000 * ${TIMEOUT_FACTOR:-1}))   # the longest that one may take
lease_ms=400   # the longest that a leader goes on that cannot know what happens elsewhere

# ---- the shapes ---------------------------------------------------------------------------------
# Each has $leader, the leader, and $a, $b, $c, $d, the others in any order. It cuts links, and sets
# $serve: who must go on or come back, $refuse: who must not serve, and $any: of whom one must.

leader_alone() {
  cut_groups "$leader" "$a $b $c $d"
  serve="$a $b $c $d" refuse=$leader
}
follower_alone() {
  cut_groups "$a" "$leader $b $c $d"
  serve="$leader $b $c $d" refuse=$a
}
leader_in_minority() {
  cut_groups "$leader $a" "$b $c $d"
  serve="$b $c $d" refuse="$leader $a"
}
leader_in_majority() {
  cut_groups "$a $b" "$leader $c $d"
  serve="$leader $c $d" refuse="$a $b"
}
three_parts() {
  cut_groups "$leader $a" "$b $c $d"
  cut_groups "$b $c" "$d"
  refuse="$leader $a $b $c $d"
}
# Nobody hears the leader, who hears them all.
leader_mute() {
  local id
  for id in $a $b $c $d; do cut_one_way "$leader" "$id"; done
  serve="$a $b $c $d" refuse=$leader
}
# The leader hears nobody, and they all hear it.
leader_deaf() {
  local id
  for id in $a $b $c $d; do cut_one_way "$id" "$leader"; done
  serve="$a $b $c $d" refuse=$leader
}
follower_mute() {
  local id
  for id in $leader $b $c $d; do cut_one_way "$a" "$id"; done
  serve="$leader $b $c $d" refuse=$a
}
# One link of the leader's is gone, one way or both: the others have what they need.
one_link_one_way() {
  cut_one_way "$leader" "$a"
  serve="$leader $b $c $d"
}
one_link() {
  cut "$leader" "$a"
  serve="$leader $b $c $d"
}
# Quorum loss: only one replica reaches a majority, and it is not the leader.
quorum_loss() {
  cut_groups "$leader" "$b $c $d"
  cut_groups "$b" "$c $d"
  cut "$c" "$d"
  serve="$leader $a $b $c $d"
}
# Constrained election: the leader is gone, and of the others only one reaches a majority.
constrained() {
  cut_groups "$leader" "$a $b $c $d"
  cut_groups "$b" "$c $d"
  cut "$c" "$d"
  serve="$a $b $c $d" refuse=$leader
}
# Each reaches the next one only, and the leader is at an end.
chained() {
  cut_groups "$leader" "$b $c $d"
  cut_groups "$a" "$c $d"
  cut "$b" "$d"
  any="$a $b $c"
}
# Each reaches its two neighbours: a majority for everybody, another one for each.
ring() {
  cut_groups "$leader" "$b $c"
  cut_groups "$a" "$c $d"
  cut "$b" "$d"
  any="$leader $a $b $c $d"
}
# Two halves with one replica in both.
bridge() {
  cut_groups "$leader $a" "$b $c"
  any="$leader $a $b $c $d"
}

shapes=(leader_alone leader_in_minority leader_mute quorum_loss chained bridge)
[[ -z ${CHAOS_ROUNDS:-} ]] || shapes+=(follower_alone leader_in_majority three_parts leader_deaf
  follower_mute one_link_one_way one_link constrained ring)

# ---- what must be seen --------------------------------------------------------------------------

takes_put() {   # id
  rkv_at "$1" --timeout 2 put "shape-$shape" "$round" >/dev/null 2>&1
}

# Whether replicas take writes, one after the other, and give back what was written.
serves() {   # id...
  local id
  for id; do
    takes_put "$id" && [[ $(rkv_at "$id" --timeout 2 get "shape-$shape" 2>&1) == "$round" ]] ||
      return 1
  done
}

one_serves() {   # id...
  local id
  for id; do
    if serves "$id"; then
      serving=$id
      return 0
    fi
  done
  return 1
}

# A read or a write, once there can be no lease any more, ends soon, without success and with a
# reason. Only of a write may it say that the end is not known.
refuses() {   # id, microseconds since 1970 of the cut, command...
  local what=$3 status took reason started
  while :; do
    started=${EPOCHREALTIME/./}
    reason=$("$RKV" -s "${address_of_replica[$1]}" --timeout 20 "${@:3}" 2>&1 >/dev/null)
    status=$?
    ((status < 2 && started < $2 + lease_ms * 1000)) || break
  done
  took=$(milliseconds_since "$started")
  ((took <= refusal_ms)) || fail "$shape: $what at replica $1 took $took ms: $reason"
  [[ $status == 3 || ($status == 4 && $what == put) ]] ||
    fail "$shape: $what at replica $1 ended with status $status: $reason"
  [[ -n $reason && $reason != *$'\n'* ]] || fail "$shape: $what at replica $1 says: $reason"
  echo "    replica $1, $what: $took ms, status $status: $reason"
}

milliseconds_since() {   # microseconds since 1970
  echo $(((${EPOCHREALTIME/./} - $1) / 1000))
}

try_shape() {
  local id started cut_at refusals=() serve='' refuse='' any='' serving=''
  wait_for_leader
  # shellcheck disable=SC2046 # its words
  read -r a b c d <<<"$(shuf -e $(others "$leader") | tr '\n' ' ')"
  step "round $round of $rounds: $shape, leader $leader, others $a $b $c $d"
  "$shape"
  cut_at=${EPOCHREALTIME/./}
  if [[ -n $serve ]]; then
    # shellcheck disable=SC2086
    wait_until "$deadline" serves $serve || fail "$shape: not all of $serve serve: $(statuses)"
    echo "  $serve serve after $(milliseconds_since "$cut_at") ms"
  fi
  if [[ -n $any ]]; then
    # shellcheck disable=SC2086
    wait_until "$deadline" one_serves $any || fail "$shape: none of $any serves: $(statuses)"
    echo "  $serving serves after $(milliseconds_since "$cut_at") ms"
    for _ in {1..20}; do
      wait_until 2 serves "$serving" || fail "$shape: replica $serving serves no more: $(statuses)"
    done
  fi
  for id in $refuse; do
    refuses "$id" "$cut_at" get "shape-$shape" &
    refusals+=($!)
    refuses "$id" "$cut_at" put "refused-$shape" "$round" &
    refusals+=($!)
  done
  for id in "${refusals[@]}"; do
    wait "$id" || exit 1
  done
  heal_all
  started=${EPOCHREALTIME/./}
  wait_for_cluster
  echo "  healed after $(milliseconds_since "$started") ms"
}

make_hosts 5 --request-timeout-ms $request_timeout_ms
launch_all
# Many: an old leader and a new one might both answer for a few milliseconds only.
start_load register --history history --clients 40 --keys 10 --pinned --pause-ms 3 \
  --read-percent 70 --timeout-ms 3000
for ((round = 1; round <= rounds; ++round)); do
  for shape in "${shapes[@]}"; do
    try_shape
  done
done
stop_load
expect_linearizable history
expect_equal_states
