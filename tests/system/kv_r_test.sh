#!/bin/bash
# The launcher: every command, in the order in which a person might try them, and what it refuses.
# timeout: 180
. "$(dirname "$0")/lib.sh"

prepare_cluster 3

state() {   # id
  kv_r status | awk -v id="$1" '$1 == id { print $4 }'
}

pid() {   # id
  kv_r status | awk -v id="$1" '$1 == id { print $2 }'
}

pids() {
  kv_r status | awk 'NR > 1 { print $2 }'
}

# Whether this replica says that the other one is down.
sees_nothing_of() {   # id, other
  local json
  json=$(rkv_at "$1" --timeout 2 -w json status 2>/dev/null | tr -d ' \n')
  [[ $json == *"{\"id\":$2,\"up\":false"* ]]
}

step 'before the first start'
expect_status 3 kv_r status
expect_equal 'the state' "$(state 1)" stopped
expect_status 0 kv_r stop
expect_status 0 kv_r clean

step 'start, and start again'
expect_status 0 kv_r start --log-level debug --election-ms 300
# It has waited until they have a leader, so that nobody has to wait now.
expect_status 0 rkv_at 1 --timeout 2 put key value
before=$(pids)
expect_status 0 kv_r start
expect_equal 'the pids after a second start' "$(pids)" "$before"
expect_status 0 kv_r status
for id in 1 2 3; do
  expect_match 'status' "$output" "$id +$(pid "$id") +${address_of_replica[id]} +running"
done

step 'kill and restart, with the options of the start'
process=$(pid 2)
expect_status 0 kv_r kill 2
[[ ! -d /proc/$process ]] || grep -q '^State:.Z' "/proc/$process/status" || fail 'it still runs'
expect_status 3 kv_r status
expect_equal 'the state' "$(state 2)" dead
expect_status 1 kv_r kill 2
expect_one_line 'stderr' "$error"
expect_status 0 kv_r restart 2
expect_equal 'the state' "$(state 2)" running
tr '\0' ' ' <"/proc/$(pid 2)/cmdline" | grep -q -- '--log-level debug --election-ms 300' ||
  fail 'restart does not use the options of start'
expect_status 0 rkv_at 2 get key
process=$(pid 2)
expect_status 0 kv_r restart 2
[[ $(pid 2) != "$process" ]] || fail 'restart of a replica that runs does nothing'

step 'pause and resume'
expect_status 0 kv_r pause 3
expect_equal 'the state' "$(state 3)" paused
expect_status 3 kv_r status
expect_status 0 kv_r resume 3
expect_equal 'the state' "$(state 3)" running

step 'logs'
expect_status 0 kv_r logs 1
[[ -n $output ]] || fail 'the log of replica 1 is empty'
expect_status 0 kv_r logs
expect_match 'logs' "$output" 'replica 3'

step 'clean is refused while replicas run; stop, also of one that is paused'
expect_status 1 kv_r clean
expect_one_line 'stderr' "$error"
expect_status 0 kv_r pause 1
mapfile -t processes < <(pids)
expect_status 0 kv_r stop
for process in "${processes[@]}"; do
  [[ ! -d /proc/$process ]] || grep -q '^State:.Z' "/proc/$process/status" || fail 'it still runs'
done
expect_equal 'the state' "$(state 1)" stopped

step 'what a pid file says is not believed'
start_process other.log tail -f /dev/null
echo "$pid" >cluster/1/pid
expect_equal 'the state' "$(state 1)" dead
expect_status 1 kv_r kill 1
expect_status 0 kv_r stop
kill -0 "$pid" || fail 'kv_r.sh has ended a process that is not its own'

step 'a start keeps the data; a replica that has lost its data is refused'
expect_status 0 kv_r start
expect_status 0 rkv_at 3 get key
expect_equal 'the value' "$output" value
expect_status 0 kv_r stop
mv cluster/2/data kept
expect_status 1 kv_r start
expect_one_line 'stderr' "$error"
expect_match 'stderr' "$error" 'replica 2'
expect_equal 'the state' "$(state 1)" stopped
expect_status 1 kv_r restart 2
expect_one_line 'stderr' "$error"
mv kept cluster/2/data
expect_status 0 kv_r start
expect_status 0 kv_r stop

step 'clean'
expect_status 0 kv_r clean
[[ ! -e cluster ]] || fail "clean has left $(ls -A cluster)"

step 'a replica that cannot start is named, with the reason; the next start makes up for it'
mapfile -t other_ports < <(free_ports 1)
start_process other.log "$RKVD" --data-dir other --listen "${address_of_replica[2]}" \
  --peer-listen "127.0.0.1:${other_ports[0]}"
other=$pid
other_answers() { rkv_at 2 status >/dev/null 2>&1; }
wait_until "$deadline" other_answers || fail "rkvd does not answer: $(<other.log)"
expect_status 1 env KV_R_TIMEOUT=10 bash "$repository/scripts/kv_r.sh" -f replicas.conf \
  -d cluster start
expect_one_line 'stderr' "$error"
expect_match 'stderr' "$error" 'replica 2 .*'"${port_of_replica[2]}"
expect_equal 'the state' "$(state 2)" dead
kill -TERM "$other"
wait_for_end "$other"
expect_status 0 kv_r start
wait_until "$deadline" all_connected || fail 'the replicas do not find one another'
expect_status 0 kv_r stop
expect_status 0 kv_r clean

step 'options go to rkvd as they are, also one that is given twice'
expect_status 1 kv_r start --log-level debug --log-level info
expect_match 'stderr' "$error" "'--log-level' cannot be specified more than once"
expect_status 0 kv_r start --replication forward
expect_match 'the status' "$(rkv_at 1 -w json status)" '"replication": "forward"'
expect_status 0 kv_r stop
expect_status 0 kv_r clean

step 'under 2pc it waits until all replicas see one another, and says when they do not'
expect_status 0 kv_r start --replication 2pc
for id in 1 2 3; do
  expect_status 0 rkv_at "$id" put "key-$id" value
done
expect_status 0 rkv_at 1 demo
expect_status 0 kv_r kill 3
expect_status 0 kv_r restart 3
expect_status 0 rkv_at 3 put key-3 'another value'
expect_status 0 kv_r kill 2
wait_until "$deadline" sees_nothing_of 1 2 || fail 'replica 1 does not notice that 2 is gone'
expect_status 3 rkv_at 1 put key-1 'another value'
expect_match 'stderr of the put' "$error" 'not available: replica 2 is down'
expect_status 0 rkv_at 1 get key-1
expect_equal 'the value' "$output" value
printf '%s\0' --replication 2pc --coordinator 1 >cluster/2/options
KV_R_TIMEOUT=2 expect_status 1 kv_r restart 2
expect_one_line 'stderr' "$error"
expect_match 'stderr' "$error" 'do not all reach one another after 2 s'
expect_match 'who is down' "$(rkv_at 1 status)" \
  'runs with --coordinator 1, not without --coordinator; it must be the same at all replicas'
expect_status 0 kv_r stop
expect_status 0 kv_r clean

step 'wrong usage'
for arguments in '' no-such-command kill 'kill 1 2' 'kill x' 'kill 9' 'status 1' -x -f \
  'start --id 4' 'start --listen 127.0.0.1:1'; do
  # shellcheck disable=SC2086 # its words
  expect_status 2 kv_r $arguments
  expect_one_line "stderr of kv_r.sh $arguments" "$error"
done
expect_status 0 kv_r --help
for command in start stop status kill restart pause resume logs clean demo; do
  expect_match 'the help' "$output" "$command"
done
printf '1 127.0.0.1\n1 127.0.0.1\n' >bad.conf
expect_status 2 bash "$repository/scripts/kv_r.sh" -f bad.conf -d cluster start
expect_match 'stderr' "$error" 'bad.conf:2: '

step 'by sh, and by a path with a space'
mkdir 'a folder'
expect_status 0 sh "$repository/scripts/kv_r.sh" -f replicas.conf -d 'a folder/cluster' start
expect_status 0 sh "$repository/scripts/kv_r.sh" -f replicas.conf -d 'a folder/cluster' status
expect_status 0 sh "$repository/scripts/kv_r.sh" -f replicas.conf -d 'a folder/cluster' stop
