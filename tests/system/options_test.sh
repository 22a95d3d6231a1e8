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
  --peer-listen --rpcbind --rpcbind-check-ms --log-level; do
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
