#!/bin/bash
# rkv --history: three shells at once, at three replicas, with every kind of command there is, also
# over many pages. check_history finds what they recorded right, and what was changed in it wrong.
# timeout: 120
. "$(dirname "$0")/lib.sh"

check_history=$BUILD/check_history

# Commands at random, over a few keys.
commands() {   # how many
  local i key
  for ((i = 0; i < $1; ++i)); do
    key=$((SRANDOM % 3))/$((SRANDOM % 4))
    case $((SRANDOM % 16)) in
      0 | 1 | 2 | 3) echo "put $key $((SRANDOM % 100))" ;;
      4) echo "put $key $i --if-absent" ;;
      5) echo "put $key $i --prev" ;;
      6) echo "get $key" ;;
      7) echo "get $key --consistency sequential" ;;
      8) echo "get $key 1/1 2/2" ;;
      9) echo "del $key" ;;
      10) echo "del --prefix ${key%/*}/" ;;
      11) echo "get --prefix ${key%/*}/ --limit 2 --reverse" ;;
      12) echo "get --from 0 --consistency eventual --keys-only" ;;
      13) echo "get --prefix ${key%/*} --count-only" ;;
      14) printf '%s\n' txn "if modified $key > 0" "if created $key < 1000" \
        then "put $key x" 'del 2/1' else "get $key" end ;;
      15) echo "incr counter $i" ;;
    esac
  done
}

start_cluster 3
expect_status 0 rkv_at 1 del connected   # start_cluster's, which no history has
step 'three shells at once'
declare -a shells=()
for id in 1 2 3; do
  commands 150 >"commands.$id"
  start_process "shell.$id.log" bash -c 'exec "$@" <"$0"' "commands.$id" \
    "$RKV" -s "${address_of_replica[id]}" --history "history.$id" shell
  shells+=("$pid")
done
for pid in "${shells[@]}"; do wait_for_end "$pid"; done
for id in 1 2 3; do
  lines=$(grep -c . "history.$id")
  ((lines >= 150)) || fail "shell $id recorded $lines lines only: $(tail -n 5 "shell.$id.log")"
done
for operation in put get del transact list; do
  grep -q "\"operation\":\"$operation\"" history.* || fail "no $operation was recorded"
done
grep -qE '"removed":[1-9]' history.* || fail 'no range was removed'
expect_status 0 "$check_history" history.1 history.2 history.3
expect_match 'what it prints' "$output" 'slots fit: [0-9]+ answers with slots, [0-9]+ values read'
printf '  %s\n' "$output"

step 'a dump of many pages'
value=$(printf %0100000d 7)
for i in {1..30}; do echo "put big/$i $value"; done >puts
expect_status 0 "$RKV" -s "${address_of_replica[2]}" --history history.1 shell <puts
expect_status 0 "$RKV" -s "${address_of_replica[3]}" --history history.1 dump all
grep -q '"goes_on":true' history.1 || fail 'the dump had one page'
expect_status 0 "$check_history" history.1 history.2 history.3

step 'a page that has lost a key'
grep -m 1 '"goes_on":true' history.1 >page
sed 's/"keys":\[{[^}]*},/"keys":[/' page >less
cmp -s page less && fail 'there is nothing to take out'
grep -v '"goes_on":true' history.1 >changed
cat less >>changed
expect_status 1 "$check_history" changed history.2 history.3
expect_match 'what it prints' "$output" 'SLOTS DO NOT FIT: .*
key "big/[0-9]+": this read, at slot [0-9]+,'
