#!/bin/bash
# Five replicas: a tree of more than a thousand binary files is loaded through replica 1 and read
# back, byte for byte, at each of the others; again after a kill -9 of one. With a sanitizer, every
# tenth of them is read back: rkv is started for each, and only then takes long to start.
# timeout: 400
. "$(dirname "$0")/lib.sh"

# The machine's own time zone files, with their links followed, or as many of the test's own.
make_tree() {
  local i
  mkdir tree
  if [[ -d /usr/share/zoneinfo ]]; then
    cp -rL /usr/share/zoneinfo/. tree/
  fi
  if (($(find tree -type f | wc -l) < 1000)); then
    for ((i = 0; i < 1000; ++i)); do
      mkdir -p "tree/made/$((i % 20))"
      head -c $((i * 7 % 5000)) /dev/urandom >"tree/made/$((i % 20))/$i"
    done
  fi
  (cd tree && find . -type f -printf '%P\n' | sort) >keys
  (cd tree && xargs -d '\n' sha256sum <../keys) >sums
  local step=1
  ! sanitized || step=10
  awk -v step=$step 'NR % step == 0' keys >read-keys
}

# Reads the keys of a file at a replica and compares all their sums.
compare_at() {   # id, file of keys
  local id=$1 key out=read-$1
  rm -rf "$out"
  mkdir "$out"
  (cd tree && find . -type d) | (cd "$out" && xargs -d '\n' mkdir -p)
  while IFS= read -r key; do
    rkv_at "$id" get "$key" >"$out/$key" || { echo "replica $id: $key"; return 1; }
  done <"$2"
  (cd "$out" && sha256sum --quiet --strict -c) < <(
    awk 'NR == FNR { wanted[$0]; next } substr($0, 67) in wanted' "$2" sums)
}

compare_at_all() {   # ids...
  local id readers=()
  for id; do
    compare_at "$id" read-keys &
    readers+=("$!")
  done
  for id in "${readers[@]}"; do
    wait "$id" || fail 'not every value came back as it was'
  done
}

make_tree
start_cluster 5
step "load $(wc -l <keys) files through replica 1"
expect_status 0 rkv_at 1 load tree
expect_match 'what load says' "$output$error" "$(wc -l <keys)"
step 'read every value at replicas 2 to 5'
compare_at_all 2 3
compare_at_all 4 5
expect_equal_hashes

step 'kill -9 and restart replica 4'
kv_r kill 4 || fail 'kill 4'
kv_r restart 4 || fail 'restart 4'
wait_until "$deadline" all_connected || fail 'the replicas do not find one another again'
compare_at_all 4
expect_equal_hashes

step 'kill -9 all under writes, restart: what was acknowledged is there, at every replica'
: >acknowledged
write_until_it_fails() {   # id
  local i
  for ((i = 1; i < 100000; ++i)); do
    rkv_at "$1" put "written-at-$1-$i" "value $i" >/dev/null 2>&1 || return
    echo "written-at-$1-$i value $i" >>acknowledged
  done
}
has_lines() { (($(wc -l <acknowledged) >= $1)); }
writers=()
for id in 1 2 3; do
  write_until_it_fails "$id" &
  writers+=("$!")
done
started+=("${writers[@]}")
wait_until 60 has_lines $((30 + RANDOM % 100)) || fail 'the writers do not get on'
for id in 4 2 5 1 3; do
  kv_r kill "$id" || fail "kill $id"
done
wait "${writers[@]}"
kv_r start || fail 'start after all were killed'
wait_until "$deadline" all_connected || fail 'the replicas do not find one another again'
while read -r key value; do
  for id in 1 2 3 4 5; do
    found=$(rkv_at "$id" get "$key") || fail "$key was acknowledged and is lost at replica $id"
    expect_equal "$key at replica $id" "$found" "$value"
  done
done <acknowledged
echo "  $(wc -l <acknowledged) acknowledged writes are there"

# Also of a write that was under way when they were killed, all have the effect or none has.
expect_equal_hashes

step 'load the tree again: equal everywhere'
expect_status 0 rkv_at 3 load tree
head -n 200 read-keys >some-keys
for id in 1 2 3 4 5; do
  compare_at "$id" some-keys || fail 'not every value came back as it was'
done
expect_equal_hashes
