#!/bin/bash
# Epochs of one second: clients that go on over many of them lose nothing and do nothing twice; a
# write that is tried again is answered as before, and refused when its epoch is long over; the
# epoch is kept over a restart of all.
# needs: python3
# timeout: 180
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../chaos/lib.sh"

once=$BUILD/once

# The lowest epoch that any replica knows.
lowest_epoch() {
  local object epochs=()
  while IFS= read -r object; do
    epochs+=("$(json_field "$object" epoch)")
  done < <(statuses)
  ((${#epochs[@]} == cluster_size)) || return 1
  printf '%s\n' "${epochs[@]}" | sort -n | head -n 1
}

has_epoch() {   # number
  local epoch
  epoch=$(lowest_epoch) && ((epoch >= $1))
}

for replication in paxos 2pc; do
  rm -rf replicas
  make_replicas 3 --replication "$replication" --epoch-s 1
  launch_all

  step "$replication: 64 clients count over many epochs, each tenth reply is lost"
  start=$(lowest_epoch) || fail "not every replica tells its epoch: $(statuses)"
  expect_status 0 "$once" counters --servers "$servers" --seconds 6 --timeout 3 \
    --lose-reply-every 10
  printf '  %s\n' "$output"
  wait_until "$deadline" has_epoch $((start + 3)) || fail "no epoch has passed: $(statuses)"
  expect_equal_states

  step "$replication: a write is tried again until it is refused"
  expect_status 0 env PYTHONDONTWRITEBYTECODE=1 \
    python3 "$repository/tests/system/kv_client_check.py" expired \
    "${address_of_replica[1]}" "${address_of_replica[3]}"

  step "$replication: after a restart of all the epoch is the same, or a later one"
  before=$(lowest_epoch) || fail "not every replica tells its epoch: $(statuses)"
  sum=$("$once" sum --servers "$servers")
  # shellcheck disable=SC2046 # each id is a word
  kill_replicas $(all_ids)
  launch_all
  has_epoch "$before" || fail "the epoch was $before: $(statuses)"
  expect_equal "the sum after a restart" "$("$once" sum --servers "$servers")" "$sum"
  expect_equal_states
  # shellcheck disable=SC2046
  kill_replicas $(all_ids)
done
