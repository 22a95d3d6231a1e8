#!/bin/bash
# Makes tests/fuzz/corpus/TARGET anew: few inputs, of it and of what runs have found
# (build/fuzz/corpus/TARGET), that cover what all of them cover. The seeds stay, and so do inputs
# that once broke something: they are called regression-...
#
#   merge.sh TARGET...
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
size_max=2048   # bytes of an input; longer ones cover nothing that these do not

for target; do
  kept=tests/fuzz/corpus/$target found=build/fuzz/corpus/$target merged=build/fuzz/merged/$target
  rm -rf "$merged"
  mkdir -p "$merged" "$kept" "$found"
  if ! "build/fuzz/$target" -set_cover_merge=1 -max_len=$size_max "$merged" "$kept" "$found" \
    >"build/fuzz/$target.merge.log" 2>&1; then
    tail "build/fuzz/$target.merge.log"
    exit 1
  fi
  find "$kept" '(' -name 'seed-*' -o -name 'regression-*' ')' -exec cp -t "$merged" {} +
  rm -rf "$kept"
  mv "$merged" "$kept"
  echo "$target: $(find "$kept" -type f | wc -l) inputs," \
    "$(find "$kept" -type f -printf '%s\n' | awk '{ sum += $1 } END { print sum + 0 }') bytes"
done
