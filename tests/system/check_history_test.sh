#!/bin/bash
# check_history, which tells system tests whether what they recorded is linearizable: what it prints
# and its exit status.
. "$(dirname "$0")/lib.sh"

check_history=$BUILD/check_history

step 'a good history, in two files'
cat >one <<'EOF'
# process, request, answer, what, result
1 10 20 put k a ok 1
1 30 40 put k b ok 2 replica=3
EOF
echo '2 35 50 get k ok 1 a' >two
expect_status 0 "$check_history" one two
expect_match 'what it prints' "$output" '^linearizable: 3 operations on 1 keys, [0-9]+ steps$'

step 'a stale read'
echo '2 45 50 get k ok 1 a' >two
expect_status 1 "$check_history" one two
expect_match 'what it prints' "$output" '^NOT LINEARIZABLE: 3 operations'
expect_match 'what it prints' "$output" 'has no place any more:
    process 2 get "k" -> "a", version 1 \[45, 50\]'

step 'too few steps'
expect_status 2 "$check_history" --steps 1 one two
expect_match 'what it prints' "$output" '^UNDECIDED: .*1 steps did not suffice'

step 'what cannot be read'
echo '2 45 50 get k what' >>two
expect_status 3 "$check_history" one two
expect_equal 'the reason' "$error" 'check_history: two:2: this is no result of it: what'
expect_status 3 "$check_history" one missing
expect_equal 'the reason' "$error" 'check_history: missing cannot be read'
expect_status 3 "$check_history" .
expect_status 3 "$check_history" --steps many one
expect_status 3 "$check_history"
