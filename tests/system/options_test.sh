#!/bin/bash
# Every option of rkvd is an environment variable and a key of --config FILE too; rkv has its own
# variables.
. "$(dirname "$0")/lib.sh"

mapfile -t ports < <(free_ports 4)
first=127.0.0.1:${ports[0]} second=127.0.0.1:${ports[1]}
peer=127.0.0.1:${ports[2]}
answers_at() { "$RKV" -s "$1" --timeout 2 status >/dev/null 2>&1; }

stop_it() {
  kill -TERM "$pid"
  wait_for_end "$pid"
  expect_equal 'the exit status after SIGTERM' "$ended_with" 0
}

step 'environment'
start_process environment.log env RKVD_DATA_DIR=by-environment RKVD_LISTEN="$first" \
  RKVD_PEER_LISTEN="$peer" RKVD_LOG_LEVEL=debug "$RKVD"
wait_until "$deadline" answers_at "$first" || fail "rkvd does not answer: $(<environment.log)"
[[ -d by-environment ]] || fail 'RKVD_DATA_DIR has no effect'
expect_status 0 env RKV_SERVERS="$first" "$RKV" put key-1 'a value'
expect_match 'the log with RKVD_LOG_LEVEL=debug' "$(<environment.log)" 'key-1'
expect_status 0 env RKV_SERVERS="$first" RKV_OUTPUT=json "$RKV" status
expect_match 'status with RKV_OUTPUT=json' "$output" '^\['
echo "1 127.0.0.1 ${ports[0]} ${ports[2]}" >replicas.conf
expect_status 0 env RKV_REPLICAS=replicas.conf RKV_TIMEOUT=5 "$RKV" get key-1
expect_equal 'the value' "$output" 'a value'
expect_status 2 env RKV_SERVERS="$first" RKV_TIMEOUT=soon "$RKV" get key-1
stop_it

step 'the command line goes before the environment'
start_process order.log env RKVD_DATA_DIR=by-environment RKVD_LISTEN="$second" \
  RKVD_PEER_LISTEN="$peer" "$RKVD" --listen "$first"
wait_until "$deadline" answers_at "$first" || fail "rkvd does not answer: $(<order.log)"
expect_status 0 "$RKV" -s "$first" get key-1
stop_it

step '--config FILE'
cat >rkvd.conf <<END
# A comment.
data-dir = by-file
listen = $second
peer-listen = $peer
log-level = error
END
start_process config.log "$RKVD" --config rkvd.conf
wait_until "$deadline" answers_at "$second" || fail "rkvd does not answer: $(<config.log)"
[[ -d by-file ]] || fail 'data-dir in the file has no effect'
stop_it
expect_equal 'the log with log-level = error' "$(<config.log)" ''

step 'times of replication paxos'
expect_bad() {   # pattern, rkvd options...
  local pattern=$1
  shift
  expect_status 2 "$RKVD" --data-dir new "$@"
  expect_one_line "stderr of $*" "$error"
  expect_match "stderr of $*" "$error" "$pattern"
}
expect_bad '--heartbeat-ms must be at least 1' --heartbeat-ms 0
expect_bad '--election-ms at least 3 times as much' --heartbeat-ms 20 --election-ms 59
expect_bad '--election-ms .*at most 60000' --election-ms 60001 --request-timeout-ms 70000
expect_bad '--request-timeout-ms must be at least --election-ms' --request-timeout-ms 99
expect_bad 'request-timeout-ms must be at least' --election-ms 6000 --heartbeat-ms 100
for option in --heartbeat-ms --election-ms --request-timeout-ms; do
  expect_bad "${option#--}" "$option" soon
  expect_bad "${option#--}" "$option" 4294967296
done
expect_status 2 env RKVD_ELECTION_MS=59 "$RKVD" --data-dir new
expect_match 'stderr with RKVD_ELECTION_MS=59' "$error" '--election-ms at least 3 times'
printf 'data-dir = new\nelection-ms = 59\n' >bad.conf
expect_status 2 "$RKVD" --config bad.conf
expect_match 'stderr with election-ms = 59 in the file' "$error" '--election-ms at least 3 times'
[[ ! -e new ]] || fail 'something was made in spite of bad options'

step '--coordinator'
expect_bad '--coordinator 1 is for replication 2pc; this replica has replication paxos' \
  --coordinator 1
expect_bad '--coordinator 2: the only replica here is replica 1' --replication 2pc --coordinator 2
expect_bad '--request-timeout-ms must be at least 1' --replication 2pc --request-timeout-ms 0
rm -rf new
write_replicas_file pair.conf 2 "${ports[@]}"
expect_bad 'pair.conf: there is no replica 3 .--coordinator. in it' --replication 2pc --id 1 \
  --replicas pair.conf --coordinator 3
[[ ! -e new ]] || fail 'something was made in spite of a bad --coordinator'

step 'two replicas with different --election-ms refuse one another, and say so'
mapfile -t pair < <(free_ports 4)
write_replicas_file pair.conf 2 "${pair[@]}"
create=(--create --cluster-id 0123456789abcdef0123456789abcdef)
start_process one.log "$RKVD" --id 1 --replicas pair.conf --data-dir one "${create[@]}"
one=$pid
printf 'id = 2\nreplicas = pair.conf\ndata-dir = two\nelection-ms = 300\n' >two.conf
start_process two.log "$RKVD" --config two.conf "${create[@]}"
two=$pid
says() {   # index of the port, pattern
  local json
  json=$("$RKV" -s "127.0.0.1:${pair[$1]}" --timeout 2 -w json status 2>/dev/null)
  [[ $json =~ it\ refuses:\ this\ replica\ runs\ with\ --election-ms\ $2 ]]
}
wait_until "$deadline" says 0 '300, not 150; it must be the same at all replicas' ||
  fail "replica 1 does not say why replica 2 is no use: $(<one.log)"
wait_until "$deadline" says 1 '150, not 300; it must be the same at all replicas' ||
  fail "replica 2 does not say why replica 1 is no use: $(<two.log)"
for log in one.log two.log; do
  grep -q -- '--election-ms .*, not .*; it must be the same at all replicas' "$log" ||
    fail "$log does not say it: $(<"$log")"
done
expect_status 3 "$RKV" -s "127.0.0.1:${pair[0]}" --timeout 10 put key value
expect_match 'stderr of the put' "$error" 'there is no leader'
kill -TERM "$two"
wait_for_end "$two"
start_process two.log env RKVD_ELECTION_MS=150 "$RKVD" --id 2 --replicas pair.conf --data-dir two
two=$pid
takes_puts() {
  "$RKV" -s "127.0.0.1:${pair[0]}" --timeout 2 put key value >/dev/null 2>&1 &&
    "$RKV" -s "127.0.0.1:${pair[1]}" --timeout 2 put key value >/dev/null 2>&1
}
wait_until "$deadline" takes_puts || fail "with the same --election-ms too: $(<two.log)"
for pid in "$one" "$two"; do
  stop_it
done

step 'what is wrong with the file is said'
echo 'no-such-key = 1' >>rkvd.conf
expect_status 2 "$RKVD" --config rkvd.conf
expect_one_line 'stderr' "$error"
expect_match 'stderr' "$error" 'no-such-key'
expect_status 2 "$RKVD" --config not-there.conf
expect_one_line 'stderr' "$error"
expect_match 'stderr' "$error" 'not-there.conf'

step 'help and version'
expect_status 0 "$RKVD" --help
for option in --config --id --replicas --data-dir --create --cluster-id --replication --listen \
  --peer-listen --heartbeat-ms --election-ms --request-timeout-ms --rpcbind --rpcbind-check-ms \
  --log-level; do
  expect_match 'rkvd --help' "$output" "$option"
done
(($(grep -cE '^[A-Z].*:$' <<<"$output") >= 2)) || fail "the help has no groups: $output"
expect_status 0 "$RKV" help
for command in put get del replicas status load version help; do
  expect_match 'rkv help' "$output" "$command"
  expect_status 0 "$RKV" help "$command"
  expect_match "rkv help $command" "$output" "$command"
  expect_status 0 "$RKV" help
done
expect_status 2 "$RKV" help no-such-command
expect_status 0 "$RKV" version
expect_match 'rkv version' "$output" '[0-9]+\.[0-9]+'
