#!/bin/bash
# Five replicas under writes through all of them; kill -9 of any two, of the leader again and again,
# of all at once, at random moments. Every acknowledged write is there afterwards, at every replica,
# and all have the same state.
# timeout: 120
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../chaos/lib.sh"

leader_kills=3   # in a row, in each round

restart() {   # id...
  local id
  for id; do launch "$id"; done
  wait_for_cluster
}

make_replicas 5
launch_all

for ((round = 1; round <= rounds; ++round)); do
  step "round $round of $rounds"
  start_load record --record record --clients 20 --pause-ms 10 --timeout-ms 2000

  mapfile -t victims < <(shuf -i 1-5 -n 2)
  echo "  kill -9 of replicas ${victims[*]}"
  random_moment 1000
  kill_replicas "${victims[@]}"
  random_moment 1000
  restart "${victims[@]}"

  for ((kill = 1; kill <= leader_kills; ++kill)); do
    wait_for_leader
    echo "  kill -9 of the leader, replica $leader"
    random_moment 300
    kill_replicas "$leader"
    random_moment 500
    restart "$leader"
  done

  echo '  kill -9 of all'
  random_moment 1000
  # shellcheck disable=SC2046 # its words
  kill_replicas $(all_ids)
  # shellcheck disable=SC2046
  restart $(all_ids)

  random_moment 500
  stop_load
  expect_equal_states
  expect_record record
done
