#!/bin/bash
# dump and load of many keys: whole while writes go on, equal by hash after a round trip, and both
# go on where they were killed; a dump with the revision that it began with.
# timeout: 120
# shellcheck disable=SC2154 # variables of lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

keys=200000

# Runs rkv until the file is there, and kills it then. Fails if it ended before.
kill_when_there() {   # file, arguments...
  local file=$1
  shift
  start_process killed.log "$RKV" "$@"
  wait_until "$deadline" test -e "$file" || fail "rkv $* makes no $file: $(<killed.log)"
  kill -KILL "$pid"
  wait_for_end "$pid"
  expect_equal "the status of rkv $*" "$ended_with" 137
}

start_cluster 3
export RKV_SERVERS=${address_of_replica[1]}

step 'a load that is killed goes on'
seq "$keys" | sed 's/.*/many\/&\tvalue &/' >lines
kill_when_there lines.loaded load --resume lines
# Not into another cluster, which has none of the keys.
other=127.0.0.1:$(free_ports 1)
start_process other.log "$RKVD" --data-dir other --listen "$other"
wait_until "$deadline" "$RKV" -s "$other" --timeout 2 status >other.status 2>&1 ||
  fail "rkvd does not answer: $(<other.log)"
expect_status 2 "$RKV" -s "$other" load --resume lines
expect_match 'stderr' "$error" '^rkv: load: invalid: lines.loaded is about a load into cluster '\
'[0-9a-f]{32}, not into this one, [0-9a-f]{32}: remove it to begin anew; nothing happened$'
expect_status 0 "$RKV" load --resume lines
expect_match 'stderr' "$error" '^rkv: load: goes on behind the first [0-9]+0000 keys$'
[[ ! -e lines.loaded ]] || fail 'lines.loaded is left behind'
expect_equal 'the number of keys' "$("$RKV" get --prefix many/ --count-only)" "$keys"

step 'a load of a file that is replaced meanwhile does not go on'
place_changes() {
  [[ $(stat -c %i lines.loaded) != "$place" ]]
}
cp lines replaced
start_process replaced.log "$RKV" load --resume lines
wait_until "$deadline" test -e lines.loaded || fail "no lines.loaded: $(<replaced.log)"
kill -STOP "$pid"
place=$(stat -c %i lines.loaded)
sed 's/\tvalue/\tplace/' lines >fresh
mv fresh lines
kill -CONT "$pid"
wait_until "$deadline" place_changes || fail "no other place is noted: $(<replaced.log)"
kill -KILL "$pid"
wait_for_end "$pid"
expect_equal 'the status of the load' "$ended_with" 137
expect_status 2 "$RKV" load --resume lines
expect_equal 'stderr' "$error" "rkv: load: invalid: lines.loaded is not about this file as it is \
now: remove it to begin anew; nothing happened"
# The other one again, under its name, but it is a copy.
mv replaced lines
expect_status 2 "$RKV" load --resume lines
rm lines.loaded

step 'a dump while all keys are written anew'
expect_status 0 "$RKV" dump --prefix many/ first.dump
sed 's/\tvalue/\tother/' lines >other
start_process writes.log "$RKV" load other
writes=$pid
expect_status 0 "$RKV" dump --prefix many/ during.dump
wait_for_end "$writes"
expect_equal 'the keys of the dump' "$(tail -n 1 during.dump | grep -o '"keys":[0-9]*')" \
  "\"keys\":$keys"

step 'a round trip'
expect_status 0 "$RKV" load first.dump
expect_status 0 "$RKV" dump --prefix many/ again.dump
expect_equal 'the end of the dump' "$(tail -n 1 again.dump)" "$(tail -n 1 first.dump)"
cmp <(tail -n +2 first.dump) <(tail -n +2 again.dump) || fail 'the dumps differ'

step 'a dump that is killed goes on with its revision'
kill_when_there killed.dump.part.place dump --prefix many/ killed.dump
[[ ! -e killed.dump ]] || fail 'killed.dump has its name before it is whole'
"$RKV" put many/1 changed >/dev/null || fail 'put'
expect_status 0 "$RKV" dump --prefix many/ --resume killed.dump
expect_match 'stderr' "$error" '^rkv: dump: goes on behind [0-9]+ keys$'
expect_equal 'the end of the dump' "$(tail -n 1 killed.dump)" "$(tail -n 1 first.dump)"
[[ ! -e killed.dump.part && ! -e killed.dump.part.place ]] || fail 'something is left behind'

step 'a dump of a revision that is gone'
kill_when_there gone.dump.part.place dump --prefix many/ gone.dump
kv_r kill 1 >/dev/null || fail 'kill'
kv_r restart 1 >/dev/null || fail 'restart'
wait_until "$deadline" all_connected || fail 'the replicas do not find one another'
expect_status 3 "$RKV" dump --prefix many/ --resume gone.dump
expect_match 'stderr' "$(tail -n 1 <<<"$error")" \
  '^rkv: dump: revision gone: revision [0-9]+ is not kept any more .*without --resume$'
expect_status 0 "$RKV" dump --prefix many/ gone.dump

step 'done'
