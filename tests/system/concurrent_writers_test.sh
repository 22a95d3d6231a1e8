#!/bin/bash
# Two replicas, each with a thousand writes in flight at once: neither waits for the other.
# timeout: 180
. "$(dirname "$0")/lib.sh"

writes=1000
write_file() {   # name
  local i
  for ((i = 1; i <= writes; ++i)); do
    printf '%s-%d\tvalue %d of %s\n' "$1" "$i" "$i" "$1"
  done >"$1.tsv"
}

start_cluster 5
write_file left
write_file right
for round in 1 2 3; do
  step "$writes writes through replica 1 and as many through replica 2, round $round"
  began=$SECONDS
  rkv_at 1 load left.tsv >left.out 2>&1 &
  left=$!
  rkv_at 2 load right.tsv >right.out 2>&1 &
  right=$!
  started+=("$left" "$right")
  wait "$left" || fail "the load through replica 1: $(<left.out)"
  wait "$right" || fail "the load through replica 2: $(<right.out)"
  ((SECONDS - began <= 15)) || fail "it took $((SECONDS - began)) s"
done

step 'all of them are there, at another replica'
expect_equal_hashes
for name in left right; do
  while IFS=$'\t' read -r key value; do
    found=$(rkv_at 3 get "$key") || fail "$key is not there"
    expect_equal "$key" "$found" "$value"
  done <$name.tsv
done

step 'all replicas at once'
writers=()
for id in 1 2 3 4 5; do
  write_file "at-$id"
  rkv_at "$id" load "at-$id.tsv" >"at-$id.out" 2>&1 &
  writers+=("$!")
done
started+=("${writers[@]}")
for id in 1 2 3 4 5; do
  wait "${writers[id - 1]}" || fail "the load through replica $id: $(<"at-$id.out")"
done
expect_equal_hashes
