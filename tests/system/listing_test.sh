#!/bin/bash
# A million keys are listed, and dumped, while writes go on: the listing shows one revision, and the
# memory of the server that makes it grows by less than 16 MiB.
# timeout: 240
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../chaos/lib.sh"

keys=${LISTING_KEYS:-1000000}
((${TIMEOUT_FACTOR:-1} == 1)) || keys=100000   # with a sanitizer
growth_max_kb=16384

make_replicas 3
launch_all

step "$keys keys are loaded"
seq -f 'million/%08.0f' 1 "$keys" | awk '{ print $0 "\tfirst " NR }' >keys.tsv
expect_status 0 "$RKV" -s "$servers" load keys.tsv
expect_equal 'the number of keys' \
  "$("$RKV" -s "$servers" get --prefix million/ --count-only)" "$keys"

# What a process has in memory, in KiB: of all its pages, those that are not in files.
anonymous_kb() {   # pid
  awk '$1 == "RssAnon:" { print $2 }' "/proc/$1/status"
}

# Writes to keys of the listing, as fast as one client can: a new value for each, and to some keys
# between them, which are new at first.
writer() {
  local round=0
  while true; do
    ((++round))
    awk -v keys="$keys" -v round="$round" -v seed="$SRANDOM" 'BEGIN {
      srand(seed)
      for (i = 0; i < 5000; ++i) {
        key = sprintf("million/%08d", 1 + int(rand() * keys))
        print key "\tlater " round
        if (i % 10 == 0) print substr(key, 1, 12) "+\t" round
      }
    }' | "$RKV" -s "$servers" load - >/dev/null || return 1
  done
}

# The most that a replica has in memory until a condition holds; sets $most.
watch_memory() {   # id, condition...
  local id=$1 now
  shift
  while ! "$@"; do
    now=$(anonymous_kb "${pid_of_replica[id]}")
    ((now <= most)) || most=$now
    pause_briefly
  done
}

writer &
writer=$!
started+=("$writer")

for id in 1 2; do
  step "replica $id lists them while writes go on"
  # What the writes themselves take, which the store holds until it has written it to its files,
  # goes up and down: it is no part of what the listing takes.
  most=0
  quiet_until=$((SECONDS + 8))
  time_is_up() { ((SECONDS >= quiet_until)); }
  watch_memory "$id" time_is_up
  before=$most
  applied=$(json_field "$(statuses | grep "^{\"id\":$id,")" applied)
  rkv_at "$id" -w json dump "dump-$id" >dump.out 2>dump.err &
  dump=$!
  started+=("$dump")
  watch_memory "$id" process_ended "$dump"
  wait "$dump" || fail "the dump failed: $(<dump.err)"
  forget_process "$dump"
  after=$(json_field "$(statuses | grep "^{\"id\":$id,")" applied)
  echo "  $((after - applied)) writes meanwhile; memory grew from $before to $most KiB"
  ((after > applied)) || fail 'no writes went on'
  ((most - before < growth_max_kb)) || fail "memory grew by $((most - before)) KiB"
done

children=$(pgrep -P "$writer")
kill "$writer" 2>/dev/null
wait "$writer" 2>/dev/null
forget_process "$writer"
children_ended() {
  local child
  for child in $children; do
    ! kill -0 "$child" 2>/dev/null || return 1
  done
}
wait_until "$deadline" children_ended || fail 'the writer does not end'

step 'each dump has every key once, and was of one revision'
for id in 1 2; do
  expect_equal "keys in the dump of replica $id" \
    "$(grep -oE 'million/[0-9]{8}"' "dump-$id" | sort -u | wc -l)" "$keys"
done
