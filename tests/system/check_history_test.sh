#!/bin/bash
# check_history, which tells system tests whether what they recorded is linearizable: what it prints
# and its exit status.
. "$(dirname "$0")/lib.sh"

check_history=$BUILD/check_history

step 'a good history, in two files'
begin='{"process":1,"invoked_us":'
put='"operation":"put","arguments":{"key":"k","value":'
cat >one <<EOF
# as docs/history.txt has them
${begin}10,"returned_us":20,$put"a"},"outcome":"ok","result":{"version":1}}

${begin}30,"returned_us":40,$put"b"},"outcome":"ok","result":{"version":2},"replica":3}
EOF
read='"operation":"get","arguments":{"key":"k"},"outcome":"ok","result":{"version":1,"value":"a"}}'
echo '{"process":2,"invoked_us":35,"returned_us":50,'"$read" >two
expect_status 0 "$check_history" one two
expect_match 'what it prints' "$output" '^linearizable: 3 operations on 1 keys, [0-9]+ steps$'

step 'a stale read'
echo '{"process":2,"invoked_us":45,"returned_us":50,'"$read" >two
expect_status 1 "$check_history" one two
expect_match 'what it prints' "$output" '^NOT LINEARIZABLE: 3 operations'
expect_match 'what it prints' "$output" 'has no place any more:
    process 2 get "k" -> "a", version 1 \[45, 50\]'

step 'a lost increment'
incr='"operation":"transact","arguments":{"then":[{"operation":"incr","key":"n","amount":1}]}'
for request in 10 15; do
  echo "$begin$request,\"returned_us\":20,$incr,\"outcome\":\"ok\"," \
    '"result":{"succeeded":true,"steps":[{"number":1}]}}'
done >lost
expect_status 1 "$check_history" lost
expect_match 'what it prints' "$output" '^NOT LINEARIZABLE: 2 operations on 1 keys'

step 'slots: a sequential read may be old, but must be what was there, and not older than before'
with_slots() {   # slot of the first read, of the second, its value
  local get='"operation":"get","arguments":{"key":"k"},"consistency":"sequential","outcome":"ok"'
  cat <<EOF
${begin}10,"returned_us":20,$put"a"},"outcome":"ok","result":{},"slot":4}
${begin}30,"returned_us":40,$put"b"},"outcome":"ok","result":{},"slot":7}
{"process":2,"invoked_us":50,"returned_us":60,$get,"result":{"value":"a"},"slot":$1}
{"process":2,"invoked_us":70,"returned_us":80,$get,"result":{"value":"$3"},"slot":$2}
EOF
}
with_slots 5 8 b >slots
expect_status 0 "$check_history" slots
expect_match 'what it prints' "$output" '^linearizable: 2 operations on 1 keys, [0-9]+ steps
slots fit: 4 answers with slots, 2 values read$'
with_slots 5 8 a >slots
expect_status 1 "$check_history" slots
expect_match 'what it prints' "$output" 'SLOTS DO NOT FIT: .*
key "k": this read, at slot 8,'
with_slots 5 4 a >slots
expect_status 1 "$check_history" slots
expect_match 'what it prints' "$output" 'process 2 went back: after'

step 'too few steps'
expect_status 2 "$check_history" --steps 1 one two
expect_match 'what it prints' "$output" '^UNDECIDED: .*1 steps did not suffice'

step 'what cannot be read'
echo '{"process":2,"invoked_us":45}' >>two
expect_status 3 "$check_history" one two
expect_equal 'the reason' "$error" 'check_history: two:2: operation is missing'
expect_status 3 "$check_history" one missing
expect_equal 'the reason' "$error" 'check_history: missing cannot be read'
expect_status 3 "$check_history" .
expect_status 3 "$check_history" --steps many one
expect_status 3 "$check_history"
