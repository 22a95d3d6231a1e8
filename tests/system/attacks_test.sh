#!/bin/bash
# Every attack of tests/attacks on real servers: rkvd passes them all, and rpcgen's stubs under
# libtirpc's svc_run() fail those of which docs/attacks.txt says that they do.
# timeout: 300
. "$(dirname "$0")/lib.sh"

attacks=$BUILD/attacks

step 'rkvd passes every attack'
choice=()
if sanitized; then
  echo '  memory and CPU are not judged, and calls may take longer: that is the sanitizer'
  choice=(--unbounded)
fi
if grep -q __ubsan_handle_dynamic_type "$RKVD"; then
  echo '  descriptors is left out: without any, the sanitizer takes every object for a broken one'
  mapfile -t -O "${#choice[@]}" choice < <(
    "$attacks" --list | awk '$1 != "descriptors" { print "--attack"; print $1 }')
fi
"$attacks" --target rkvd "${choice[@]}" >rkvd.out 2>&1
status=$?
cat rkvd.out
((status == 0)) || fail "attacks --target rkvd ended with status $status"
expect_match 'the summary' "$(tail -n 1 rkvd.out)" '^[1-9][0-9]* passed, 0 failed$'

if sanitized; then
  echo 'stock libtirpc is left out: what it fails by is memory, or the end of its process'
  exit
fi
step 'stock libtirpc fails where we say so'
# Without those whose failure shows in seconds only, or that take much memory to show.
listed=()
for name in header-byte announce-64mib unread-flood descriptors rpc-version credential-lengths \
  trailing-bytes decode-leak udp-disclosure udp-amplification; do
  grep -q "^$name \*" "$repository/docs/attacks.txt" || fail "docs/attacks.txt has no star at $name"
  listed+=(--attack "$name")
done
"$attacks" --target stock "${listed[@]}" >stock.out 2>&1
status=$?
cat stock.out
((status == 1)) || fail "attacks --target stock ended with status $status"
expect_equal 'the summary' "$(tail -n 1 stock.out)" "0 passed, $((${#listed[@]} / 2)) failed"
echo '  it fails in each of them'
