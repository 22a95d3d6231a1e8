#!/bin/bash
# Every fuzz target on every input of its corpus, and on mutations of it that are the same each
# time: none may abort. tests/fuzz/readme.txt says what the targets check.
# timeout: 300
. "$(dirname "$0")/lib.sh"

# For each input: about fifteen seconds in all, more with a sanitizer; the one for threads has
# little to look for in programs of one thread, and is slow.
mutations=1000
! grep -q __tsan_init "$RKVD" || mutations=20
mutations=${FUZZ_MUTATIONS:-$mutations}

shopt -s nullglob
targets=("$repository"/tests/fuzz/corpus/*/)
((${#targets[@]} > 0)) || fail 'there is no corpus'
inputs=0
for corpus in "${targets[@]}"; do
  target=$(basename "$corpus")
  step "$target"
  [[ -x $BUILD/fuzz_replay/$target ]] || fail "make check builds no target for $corpus"
  if ! "$BUILD/fuzz_replay/$target" "$corpus" "$mutations" >output 2>errors; then
    cat errors
    [[ ! -f crash ]] || base64 <crash
    fail "$target: an input breaks it; it is in the file crash, and above in base64"
  fi
  cat output
  ((inputs += $(cut -d' ' -f1 output)))
done

step 'every target has a corpus'
for program in "$BUILD"/fuzz_replay/*; do
  target=$(basename "$program")
  [[ -d $repository/tests/fuzz/corpus/$target ]] || fail "$target has no corpus"
done

step 'no type of kv.x is forgotten'
declared=$(grep -o '^extern  *bool_t xdr_kv_[a-z0-9_]*' "$BUILD/gen/kv.h" | sed 's/.*xdr_//' |
  sort -u)
listed=$(sed -n 's/^KV_TYPE(\(.*\))$/\1/p' "$BUILD/gen/kv_types.inc" | sort -u)
expect_equal 'the list of types' "$listed" "$declared"
[[ -n $declared ]] || fail 'kv.h declares no type'
echo "$inputs inputs in all"
