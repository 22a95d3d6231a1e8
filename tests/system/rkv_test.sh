#!/bin/bash
# What the rkv command prints, word for word, and its exit statuses: for every command, both formats
# and each kind of failure that a small cluster can be brought to.
# timeout: 180
# shellcheck disable=SC2086,SC2154 # lists of arguments; variables of lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# What differs from run to run has a name instead: the addresses of the replicas, and the times.
normalized() {
  local id text
  text=$(cat)
  for ((id = 1; id <= cluster_size; ++id)); do
    text=${text//${address_of_replica[id]}/ADDRESS$id}
  done
  sed -E -e 's/in [0-9]+\.[0-9]{3} s \([0-9]+ keys\/s\)/in T s (R keys\/s)/' \
    -e 's/within [0-9]+ ms/within N ms/' <<<"$text"
}

# Runs rkv and compares exit status, stdout and stderr with what they should be.
check() {   # status, stdout, stderr, arguments...
  local status=$1 out=$2 err=$3
  shift 3
  expect_status "$status" "$RKV" "$@"
  expect_equal "stdout of rkv $*" "$(normalized <<<"$output")" "$out"
  expect_equal "stderr of rkv $*" "$(normalized <<<"$error")" "$err"
}

# The same for what cannot be written down whole: patterns.
check_match() {   # status, pattern of stdout, pattern of stderr, arguments...
  local status=$1 out=$2 err=$3
  shift 3
  expect_status "$status" "$RKV" "$@"
  expect_match "stdout of rkv $*" "$(normalized <<<"$output")" "$out"
  expect_match "stderr of rkv $*" "$(normalized <<<"$error")" "$err"
}

cluster_size=0

step 'usage'
check 2 '' "rkv: a command is missing; see 'rkv help'"
check 2 '' "rkv: there is no command frob; see 'rkv help'" frob
check 2 '' "rkv: unrecognised option '--frob'; see 'rkv help'" --frob get k
check 2 '' "rkv: unrecognised option '-v'; see 'rkv help'" put k -v
check 2 '' "rkv: the required argument for option '--timeout' is missing; see 'rkv help'" \
  get k --timeout
check 2 '' "rkv: --timeout is soon, but must be seconds from 0.001 to 86400; see 'rkv help'" \
  --timeout soon get k
check 2 '' "rkv: -w is xml, but must be simple, table or json; see 'rkv help'" -w xml get k
check 2 '' "rkv: put: an argument is missing: put KEY VALUE|-|@FILE; see 'rkv help put'" put k
check 2 '' "rkv: version: 'b' is one argument too many: version; see 'rkv help version'" version b
check 2 '' "rkv: get: --state-hash is for status only; see 'rkv help get'" get --state-hash a
check 2 '' "rkv: help: there is no command frob; see 'rkv help'" help frob
check 2 '' "rkv: get: invalid: servers: 'a:0': '0' is not a port from 1 to 65535" -s a:0 get k
check 2 '' "rkv: get: invalid: absent.conf: No such file or directory" -f absent.conf get k
echo '0 host' >bad.conf
check 2 '' "rkv: get: invalid: bad.conf:1: id 0 is not a number from 1 to 4294967295" \
  -f bad.conf get k
RKV_TIMEOUT=-1 check 2 '' \
  "rkv: RKV_TIMEOUT is -1, but must be seconds from 0.001 to 86400; see 'rkv help'" version

step 'help and version'
for arguments in help --help -h; do
  check_match 0 '^Usage: rkv \[options\] COMMAND.*RKV_SERVERS.*Exit status: 0 ok, 1 not found' \
    '^$' $arguments
done
for command in put get del incr append txn replicas status load dump demo shell version help; do
  check_match 0 "^Usage: rkv \[options\] $command" '^$' help "$command"
  [[ $command == help ]] || check_match 0 "^Usage: rkv \[options\] $command" '^$' "$command" --help
done
check_match 0 '^rkv [0-9]+\.[0-9]+\.[0-9]+$' '^$' version
check_match 0 '^rkv [0-9]+\.[0-9]+\.[0-9]+$' '^$' --version
check_match 0 '"version": "[0-9]+\.[0-9]+\.[0-9]+"' '^$' -w json version

step 'nobody there'
mapfile -t ports < <(free_ports 2)
address_of_replica=('' "127.0.0.1:${ports[0]}" "127.0.0.1:${ports[1]}") cluster_size=2
check 3 '' 'rkv: get: not available: ADDRESS1: connection refused' --timeout 0.5 \
  -s "${address_of_replica[1]}" get k
# Those that failed come last, so that they may be named in either order.
refused='ADDRESS[12]: connection refused; ADDRESS[12]: connection refused'
# load tries again until its time is over; the others end when each server was tried.
export RKV_SERVERS=${address_of_replica[1]},${address_of_replica[2]} RKV_TIMEOUT=0.5
for arguments in 'get k' replicas status; do
  check_match 3 '^$' "^rkv: ${arguments%% *}: not available: no server answered: $refused\$" \
    $arguments
done
for arguments in 'put k v' 'del k' 'incr k' 'load .'; do
  check_match 3 '^$' \
    "^rkv: ${arguments%% *}: not available: no server answered: $refused; nothing happened\$" \
    $arguments
done
expect_status 3 "$RKV" demo
expect_match 'stderr of rkv demo' "$(normalized <<<"$error")" \
  "^rkv: demo: put rkv-demo-[0-9a-f]{16}/apple red: not available: no server answered: $refused; \
nothing happened\$"
unset RKV_SERVERS RKV_TIMEOUT

# A call that nobody can serve is refused after a second.
start_cluster 3 --request-timeout-ms 1000
export RKV_SERVERS=${address_of_replica[1]}

step 'put, get and del'
check 0 'ok version 1' '' put color blue
check 0 'ok version 2' '' put color red
check 0 'red' '' get color
expect_equal 'the size of what get prints' "$("$RKV" get color | wc -c)" 3
check 0 'ok' '' del color
check 1 '' 'rkv: del: not found: no such key (replica 1, ADDRESS1)' del color
check 1 '' 'rkv: get: not found: no such key (replica 1, ADDRESS1)' get color
check 0 'ok version 1' '' put -- -key -value
check 0 '-value' '' get -- -key
check 0 'ok version 1' '' put empty ''
check 0 '' '' get empty
check_match 0 '^\{
  "key": "color",
  "version": 1,
  "position": [0-9]+,
  "server": "ADDRESS1"
\}$' '^$' -w json put color green
check_match 0 '^\{
  "key": "color",
  "value": "green",
  "version": 1,
  "created": [0-9]+,
  "modified": [0-9]+,
  "position": [0-9]+,
  "server": "ADDRESS1"
\}$' '^$' get color -w json
RKV_OUTPUT=json check_match 0 '"key": "color",
  "version": 1,' '^$' del color
printf 'k\0\xff' >binary
check 0 'ok version 1' '' put binary @binary
check_match 0 '"value_base64": "awD/",' '^$' -w json get binary
"$RKV" get binary | cmp - binary || fail 'a binary value came back changed'
"$RKV" put from-stdin - <binary >/dev/null || fail 'put from stdin'
rkv_at 3 get from-stdin | cmp - binary || fail 'a value from stdin came back changed'

step 'limits'
head -c 1048576 /dev/urandom >largest
head -c 1048577 /dev/zero >too-large
check 0 'ok version 1' '' put largest @largest
rkv_at 2 get largest | cmp - largest || fail 'the largest value came back changed'
over='more than 1048576 bytes, which is the limit; nothing happened'
check 6 '' "rkv: put: over a limit: too-large has $over" \
  put k @too-large
expect_status 6 "$RKV" put k - <too-large
expect_equal 'the error' "$error" \
  "rkv: put: over a limit: standard input has $over"
long_key=$(printf 'k%.0s' {1..1024})
check 0 'ok version 1' '' put "$long_key" v
for command in "put ${long_key}k v" "del ${long_key}k"; do
  check 6 '' "rkv: ${command%% *}: over a limit: the key has 1025 bytes, the limit is 1024; \
nothing happened" $command
done
check 6 '' 'rkv: get: over a limit: the key has 1025 bytes, the limit is 1024' get "${long_key}k"
check 2 '' 'rkv: get: invalid: the key is empty, it needs at least 1 byte' get ''
check 7 '' 'rkv: put: error: absent: No such file or directory; nothing happened' put k @absent

step 'what cannot be written out'
"$RKV" get largest 2>closed.error | true
statuses=("${PIPESTATUS[@]}")
expect_equal 'the status with a closed pipe' "${statuses[0]}" 141
expect_equal 'what is said of a closed pipe' "$(<closed.error)" ''
"$RKV" get largest >/dev/full 2>full.error
expect_equal 'the status with a full disk' $? 7
expect_equal 'what is said of a full disk' "$(<full.error)" \
  'rkv: standard output: No space left on device'

step 'load'
mkdir -p tree/sub
echo 1 >tree/a
echo 2 >tree/sub/b
ln -s a tree/link
ln -s sub tree/link-to-directory
check 0 'loaded 3 keys, 0 errors, 6 bytes in T s (R keys/s)' \
  'rkv: load: 1 entries that are not regular files were left out' load tree
rkv_at 2 get sub/b | cmp - tree/sub/b || fail 'a loaded file came back changed'
rkv_at 3 get link | cmp - tree/a || fail 'a loaded link came back changed'
cp too-large tree/large
check 6 'loaded 3 keys, 1 errors, 6 bytes in T s (R keys/s)' \
  'rkv: load: over a limit: tree/large has more than 1048576 bytes, which is the limit
rkv: load: 1 entries that are not regular files were left out' load tree
printf 'l1\tone\nl2\tt\tw\0o\n\nl3\t' >lines
check 2 'loaded 3 keys, 1 errors, 8 bytes in T s (R keys/s)' \
  'rkv: load: line 3: invalid: no tab between a key and a value' load lines
"$RKV" get l2 | cmp - <(printf 't\tw\0o') || fail 'a loaded line came back changed'
expect_status 0 "$RKV" -w json load - < <(printf 'l1\t1\nl1\t2\nl1\t3\n')
expect_match 'stdout of rkv load' "$output" '"keys": 3,
  "errors": 0,
  "bytes": 3,'
check 0 '3' '' get l1
printf 'no tab\n%.0s' {1..12} >bad-lines
expect_status 2 "$RKV" load bad-lines
expect_equal 'the number of error lines' "$(wc -l <<<"$error")" 11
expect_equal 'the last error line' "$(tail -n 1 <<<"$error")" \
  'rkv: load: and 2 more errors; in all 12 invalid'
check 7 '' 'rkv: load: error: absent: No such file or directory; nothing happened' load absent

# Whether no replica lags behind.
all_is_applied() {
  [[ $("$RKV" -w json status | grep -c '"lag": 0,') == 3 ]]
}

step 'replicas and status'
"$RKV" replicas >learned.conf || fail 'replicas'
check_match 0 "^#id  host       client-port  peer-port
1    127\.0\.0\.1  ${port_of_replica[1]} +[0-9]+
2    127\.0\.0\.1  ${port_of_replica[2]} +[0-9]+
3    127\.0\.0\.1  ${port_of_replica[3]} +[0-9]+\$" '^$' replicas
check_match 0 '"id": 1,
    "host": "127.0.0.1",
    "client_port": [0-9]+,
    "peer_port": [0-9]+' '^$' -w json replicas
row='(leader|follower) +[1-3] +[0-9]+\.[1-3] +[0-9]+ +[0-9]+ +[0-9]+ +[0-9]+ +[0-9]+ +'
row+='(-|[0-9]+ms) +[0-9.]+[KM]iB +[0-9msh]+ \([0-9]+\)'
head='id  address +role +leader  ballot +lag  applied +chosen +synced +flushed +lease +log +'
head+='election'
check_match 0 "^$head
1   ADDRESS1  $row
2   ADDRESS2  $row
3   ADDRESS3  $row\$" '^$' status
# What replicas prints is a replicas file.
check_match 0 "ADDRESS3  $row +[0-9a-f]{32}\$" '^$' -f learned.conf status --state-hash
wait_until "$deadline" all_is_applied || fail 'some replica stays behind'
expect_equal_hashes
object=$("$RKV" -w json status --state-hash | json_objects | sed -n 2p)
expect_equal 'id' "$(json_field "$object" id)" 2
expect_equal 'address' "$(json_field "$object" address)" "${address_of_replica[2]}"
expect_equal 'reachable' "$(json_field "$object" reachable)" true
expect_match 'role' "$(json_field "$object" role)" '^(leader|follower)$'
expect_match 'leader' "$(json_field "$object" leader)" '^[1-3]$'
expect_match 'applied' "$(json_field "$object" applied)" '^[0-9]+$'
expect_match 'uptime_s' "$(json_field "$object" uptime_s)" '^[0-9.]+$'
expect_match 'version' "$(json_field "$object" version)" '^[0-9.]+$'
for name in applied flushed chosen synced cut lag elections log_bytes; do
  expect_match "$name" "$(json_field "$object" "$name")" '^[0-9]+$'
done
expect_equal 'trouble' "$(json_field "$object" trouble)" ''
expect_match 'lease_ms' "$(json_field "$object" lease_ms)" '^([0-9]+|null)$'
expect_match 'last_election_age_s' "$(json_field "$object" last_election_age_s)" '^[0-9.]+$'
expect_match 'the ballots' "$object" \
  '"ballot":\{"round":[1-9][0-9]*,"replica":[1-3]\},"promised":\{'
leaders=$("$RKV" -w json status | grep -c '"role": "leader"')
expect_equal 'the number of leaders' "$leaders" 1

step 'drawn tables'
line='-+(\+-+){12}'
head='id \| address +\| role +\| leader \| ballot +\| lag +\| applied +\| chosen +\| synced +\| '
head+='flushed +\| lease +\| log +\| election +'
number=' +[0-9]+ \|'
row="(leader|follower) +\|$number +[0-9]+\.[1-3] +\|$number$number$number$number$number"
row+=' (-|[0-9]+ms) +\| [0-9.]+[KM]iB +\| [0-9msh]+ \([0-9]+\) +'
check_match 0 "^\+$line\+
\| $head\|
\+$line\+
\|  1 \| ADDRESS1 \| $row\|
\|  2 \| ADDRESS2 \| $row\|
\|  3 \| ADDRESS3 \| $row\|
\+$line\+\$" '^$' -w table status
RKV_OUTPUT=table check_match 0 "^\+----\+-----------\+-------------\+-----------\+
\| id \| host      \| client-port \| peer-port \|
\+----\+-----------\+-------------\+-----------\+
\|  1 \| 127\.0\.0\.1 \| +${port_of_replica[1]} \| +[0-9]+ \|" '^$' replicas
check 0 'ok version 1' '' -w table put plain text
check 0 'text' '' -w table get plain
check 0 'ok' '' -w table del plain
check 0 'loaded 3 keys, 0 errors, 3 bytes in T s (R keys/s)' '' \
  -w table load <(printf 'l1\t1\nl2\t2\nl3\t3\n')

step 'demo'
hashes_before=$("$RKV" -w json status --state-hash | json_objects | sed -n 1p)
expect_status 0 "$RKV" demo
expect_equal 'stderr of rkv demo' "$error" ''
[[ $output =~ rkv-demo-[0-9a-f]{16}/ ]] || fail "the demo does not tell its prefix: $output"
expect_equal 'stdout of rkv demo' "${output//${BASH_REMATCH[0]}/}" \
  'five keys that begin with , which nobody else is likely to use
put apple red -> ok version 1
put banana yellow -> ok version 1
put grape blue -> ok version 1
put lime green -> ok version 1
put orange orange -> ok version 1
get apple -> red
get banana -> yellow
get grape -> blue
get lime -> green
get orange -> orange
del apple -> ok
del banana -> ok
del grape -> ok
del lime -> ok
del orange -> ok'
expect_status 0 "$RKV" -w json demo
expect_equal 'the steps of the demo in JSON' "$(grep -c '"status": "ok"' <<<"$output")" 15
hashes_after=$("$RKV" -w json status --state-hash | json_objects | sed -n 1p)
expect_equal 'the state after the demo' "$(json_field "$hashes_after" state_hash)" \
  "$(json_field "$hashes_before" state_hash)"

step 'a shell that reads a script'
run_shell() {   # exit status, stdout, stderr, script, arguments...
  local status=$1 out=$2 err=$3 script=$4
  shift 4
  printf '%s\n' "$script" >script
  expect_status "$status" "$RKV" "$@" shell <script
  expect_equal "stdout of the shell for $script" "$(normalized <<<"$output")" "$out"
  expect_equal "stderr of the shell for $script" "$(normalized <<<"$error")" "$err"
}
run_shell 0 'ok version 1
a  value
ok' '' "# a comment

PUT 'a key' \"a  value\"
Get a\\ key
DELETE 'a key'"
run_shell 0 '' '' ''
run_shell 0 'ok version 1' '' "put b '-'
exit
get b"
expect_equal 'what is behind exit' "$("$RKV" get b)" -
# A failed command does not end it, and the worst failure is its status.
run_shell 2 'ok version 2
@x' "rkv: get: not found: no such key (replica 1, ADDRESS1)
rkv: there is no command frob; see 'help'
rkv: put: an argument is missing: put KEY VALUE|-|@FILE; see 'help put'
rkv: put: '-' is not possible in the shell, which reads its commands from there; see 'help put'
rkv: load: '-' is not possible in the shell, which reads its commands from there; see 'help load'
rkv: a quote is not closed: '; see 'help'
rkv: exit: it takes no arguments; see 'help'
rkv: shell: this is one already; see 'help'" "get absent
frob
put b
put b -
load -
get 'b
exit now
shell
put b \"@x\"
get b"
run_shell 1 'ok' 'rkv: del: not found: no such key (replica 1, ADDRESS1)' $'del b\ndel b'
run_shell 6 '' 'rkv: get: over a limit: the key has 1025 bytes, the limit is 1024
rkv: del: not found: no such key (replica 1, ADDRESS1)' "get ${long_key}k"$'\ndel b'
printf 'put bytes \\x00\\xff\\x41\nget bytes\n' | "$RKV" shell >bytes.out ||
  fail 'a shell with escapes'
cmp bytes.out <(printf 'ok version 1\n\0\xffA\n') || fail 'bytes given as escapes came back changed'
{ printf 'put largest "'; head -c 1048576 /dev/zero | sed 's/\x00/\\x01/g'; echo '"'; } |
  "$RKV" shell >/dev/null || fail 'the largest value, all escapes'
"$RKV" get largest | cmp - <(head -c 1048576 /dev/zero | tr '\0' '\1') ||
  fail 'the largest value came back changed'
expect_status 6 "$RKV" shell < <(head -c 5000000 /dev/zero | tr '\0' x; printf '\nget color\n')
expect_match 'the error' "$error" '^rkv: shell: over a limit: a line has more than [0-9]+ bytes'
for format in 'replicas -w table' 'STATUS --output=table' 'help get' 'help' 'demo' 'version'; do
  expect_status 0 "$RKV" shell <<<"$format"
done
expect_status 0 "$RKV" -w json shell < <(printf 'put a green\nget a\nget a -w simple')
expect_match 'stdout of the shell' "$output" $'"value": "green",.*\n}\ngreen$'
"$RKV" shell <<<'version' >/dev/full 2>full.error
expect_equal 'the status of a shell with a full disk' $? 7

step 'a shell keeps its connection, and finds a new one'
mkfifo commands
"$RKV" shell <commands >answers 2>&1 &
shell_pid=$!
started+=("$shell_pid")
exec 9>commands
answers_are() {
  [[ $(<answers) == "$1" ]]
}
connections() {   # that replica 1 has taken so far, with those of this question itself
  "$RKV" -w json status | json_objects | sed -nE '1s/.*"connections_accepted":([0-9]+).*/\1/p'
}
first=$(connections)
second=$(connections)
"$RKV" shell <<<$'put kept 0\nget kept\nget kept\nreplicas\ndel kept' >/dev/null ||
  fail 'a shell with five commands'
third=$(connections)
expect_equal 'the number of connections of a shell' $((third - second - (second - first))) 1
echo 'put kept 1' >&9
wait_until "$deadline" answers_are 'ok version 1' || fail "the first answer: $(<answers)"
kv_r kill 1 >/dev/null || fail 'kill'
kv_r restart 1 >/dev/null || fail 'restart'
wait_until "$deadline" all_connected || fail 'the replicas do not find one another'
echo 'put kept 2' >&9
exec 9>&-
wait "$shell_pid" || fail "a put after a restart: $(<answers)"
expect_equal 'the answers' "$(<answers)" $'ok version 1\nok version 2'

step 'a replica that is down'
kv_r kill 3 >/dev/null || fail 'kill'
# The others may have to elect a leader first.
wait_until "$deadline" takes_a_put 1 || fail 'no put is taken although only replica 3 is down'
check 0 'ok version 1' '' put two-of-three v
check 0 '1' '' get link
check 0 '1' '' -s "${address_of_replica[3]},${address_of_replica[2]}" get link
check 0 'ok version 2' '' -s "${address_of_replica[3]},${address_of_replica[2]}" put two-of-three w
others_say_3_is_down() {
  [[ $("$RKV" status 2>/dev/null) == *'replica 3 is down as seen by 1, 2,'* ]]
}
wait_until "$deadline" others_say_3_is_down || fail 'nobody says that replica 3 is down'
check_match 3 "
3   ADDRESS3  unreachable  ADDRESS3: connection refused
replica 3 is down as seen by 1, 2, for [0-9]+s: " \
  '^rkv: status: 1 of 3 replicas did not answer$' status
check_match 3 '
\|  3 \| ADDRESS3 \| unreachable \| ADDRESS3: connection refused +\|
.*
replica 3 is down as seen by 1, 2, for' 'did not answer' -w table status
check_match 3 '"id": 3,
    "address": "ADDRESS3",
    "reachable": false,
    "reason": "ADDRESS3: connection refused",
    "role": null,' 'did not answer' -w json status

step 'no majority'
kv_r kill 2 >/dev/null || fail 'kill'
has_no_leader() {
  local object
  object=$("$RKV" -w json status 2>/dev/null | json_objects | sed -n 1p)
  [[ $(json_field "$object" leader) == null ]]
}
wait_until "$deadline" has_no_leader || fail 'replica 1 follows a leader without a majority'
reason='there is no leader: a majority of the replicas must be reachable to elect one'
check_match 3 '^$' "^rkv: get: not available: $reason.* \(replica 1, ADDRESS1\)\$" get link
for arguments in 'put k v' 'del link'; do
  check_match 3 '^$' \
    "^rkv: ${arguments%% *}: not available: $reason.* \(replica 1, ADDRESS1\); nothing happened\$" \
    $arguments
done
check_match 3 '^$' "$reason" -s "${address_of_replica[3]},${address_of_replica[1]}" put k v
check_match 3 'loaded 0 keys, 3 errors, 0 bytes' "rkv: load: l1: not available: .*$reason" \
  load <(printf 'l1\t1\nl2\t2\nl3\t3\n')
expect_status 3 "$RKV" demo
expect_match 'stderr of rkv demo' "$error" \
  "^rkv: demo: put rkv-demo-[0-9a-f]{16}/apple red: not available: $reason"

step 'a replica that does not answer'
kv_r restart 2 >/dev/null || fail 'restart'
kv_r restart 3 >/dev/null || fail 'restart'
wait_until "$deadline" takes_a_put 1 || fail 'no put is taken although all replicas are back'
kv_r pause 1 >/dev/null || fail 'pause'
# It was asked for a session, and so nothing was written.
check_match 3 '^$' '^rkv: put: not available: ADDRESS1: .*; nothing happened$' --timeout 0.5 put k v
check 3 '' 'rkv: get: not available: ADDRESS1: no answer within N ms' --timeout 0.5 get link
# A read is made elsewhere, and so is a write: its id keeps it from being done twice.
check 0 '1' '' --timeout 10 -s "$RKV_SERVERS,${address_of_replica[2]}" get link
check_match 0 '^ok version [0-9]+$' '^$' \
  --timeout 10 -s "$RKV_SERVERS,${address_of_replica[2]}" put k v
check_match 3 '
1   ADDRESS1  unreachable  ADDRESS1: no answer within N ms' \
  '^rkv: status: 1 of 3 replicas did not answer$' -f replicas.conf --timeout 0.5 status
kv_r resume 1 >/dev/null || fail 'resume'

step 'done'
