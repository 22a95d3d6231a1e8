#!/bin/bash
# One rkvd with nothing but a data directory: what it answers, what it keeps over a restart and a
# kill -9, and what it refuses to start with.
# timeout: 180
. "$(dirname "$0")/lib.sh"

mapfile -t ports < <(free_ports 2)
listen=(--listen "127.0.0.1:${ports[0]}" --peer-listen "127.0.0.1:${ports[1]}")
rkv() { "$RKV" -s "127.0.0.1:${ports[0]}" --timeout 5 "$@"; }
answers() { rkv get absent >/dev/null 2>&1 || (($? == 1)); }
is_up() { rkv replicas >/dev/null 2>&1; }   # also without a majority

start_rkvd() {
  start_process rkvd.log "$RKVD" --data-dir data "${listen[@]}"
  wait_until "$deadline" answers || fail "rkvd does not answer: $(cat rkvd.log)"
}

# Starts rkvd with options that it has to refuse: not with status 0, and with one line.
expect_refusal() {   # what the line has to match, options...
  local pattern=$1 status
  shift
  timeout 20 "$RKVD" "$@" </dev/null >refusal.out 2>refusal.err
  status=$?
  ((status != 0 && status != 124)) || fail "exit status $status of: rkvd $*"
  error=$(<refusal.err)
  expect_one_line "stderr of rkvd $*" "$error"
  expect_match "stderr of rkvd $*" "$error" "$pattern"
  refused_with=$status
}

step 'put, get, del'
start_rkvd
expect_status 1 rkv get absent
expect_equal 'stdout for a key that is not there' "$output" ''
expect_one_line 'stderr for a key that is not there' "$error"
expect_status 0 rkv put name value
expect_status 0 rkv get name
expect_equal 'the value' "$output" value
expect_status 0 rkv put name 'another value'
expect_status 0 rkv get name
expect_equal 'the value put over it' "$output" 'another value'
expect_status 0 rkv del name
expect_status 1 rkv get name
expect_status 1 rkv del name
expect_status 0 rkv put kept 'over a restart'
head -c 100000 /dev/urandom >binary
expect_status 0 rkv put binary @binary
expect_status 0 rkv put from-stdin - <binary

step 'SIGTERM ends it with status 0, and a restart keeps everything'
kill -TERM "$pid"
wait_for_end "$pid"
expect_equal 'the exit status after SIGTERM' "$ended_with" 0
expect_status 3 rkv get kept
expect_one_line 'stderr without a server' "$error"
start_rkvd
expect_status 0 rkv get kept
expect_equal 'the value after a restart' "$output" 'over a restart'
expect_status 1 rkv get name
for key in binary from-stdin; do
  rkv get "$key" | cmp - binary || fail "$key came back changed"
done

step 'a second rkvd on the same data directory is refused'
mapfile -t others < <(free_ports 2)
expect_refusal data --data-dir data --listen "127.0.0.1:${others[0]}" \
  --peer-listen "127.0.0.1:${others[1]}"
expect_status 0 rkv get kept

step 'kill -9 at any time loses nothing that was acknowledged'
: >acknowledged
write_until_it_fails() {   # round
  local i
  for ((i = 1; i < 100000; ++i)); do
    rkv put "key-$1-$i" "value-$1-$i" >/dev/null 2>&1 || return
    echo "key-$1-$i value-$1-$i" >>acknowledged
  done
}
has_lines() { (($(wc -l <acknowledged) >= $1)); }
lines=0
for round in 1 2 3 4; do
  write_until_it_fails "$round.a" &
  writers=($!)
  write_until_it_fails "$round.b" &
  writers+=($!)
  started+=("${writers[@]}")
  ((lines = $(wc -l <acknowledged) + 20 + RANDOM % 150))
  wait_until 60 has_lines "$lines" || fail 'the writers do not get on'
  kill -KILL "$pid"
  wait_for_end "$pid"
  wait "${writers[@]}"
  start_rkvd
done
while read -r key value; do
  found=$(rkv get "$key") || fail "$key was acknowledged and is lost"
  expect_equal "$key" "$found" "$value"
done <acknowledged
echo "  $(wc -l <acknowledged) acknowledged writes are there after 4 kills"
kill -TERM "$pid"
wait_for_end "$pid"

step 'what it does not start with'
cat >replicas.conf <<END
# A comment, and an empty line.

1 127.0.0.1 ${ports[0]} ${ports[1]}
2 127.0.0.1 ${others[0]} ${others[1]}
END
id=0123456789abcdef0123456789abcdef
mkdir empty
expect_refusal '--create|empty' --id 1 --replicas replicas.conf --data-dir empty
expect_refusal '--create|empty|exist' --id 1 --replicas replicas.conf --data-dir not-there
expect_refusal '7' --id 7 --replicas replicas.conf --data-dir new --create --cluster-id "$id"
start_process created.log "$RKVD" --id 1 --replicas replicas.conf --data-dir member \
  --create --cluster-id "$id"
wait_until "$deadline" is_up || fail "rkvd --create does not answer: $(cat created.log)"
kill -TERM "$pid"
wait_for_end "$pid"
expect_equal 'the exit status after SIGTERM' "$ended_with" 0
expect_refusal 'replica 1|id' --id 2 --replicas replicas.conf --data-dir member
expect_refusal 'cluster' --id 1 --replicas replicas.conf --data-dir member \
  --cluster-id ffffffffffffffffffffffffffffffff
expect_refusal 'not-there.conf' --id 1 --replicas not-there.conf --data-dir member

bad_replicas_file() {   # text of line 2, what has to be said of it
  printf '1 127.0.0.1 7411 7412\n%s\n' "$1" >bad.conf
  expect_refusal "bad\\.conf:2.*$2" --id 1 --replicas bad.conf --data-dir member
}
bad_replicas_file 'two 127.0.0.1' 'two|id'
bad_replicas_file '0 127.0.0.1' 'id|0'
bad_replicas_file '1 127.0.0.2' '1'
bad_replicas_file '2' 'host'
bad_replicas_file '2 127.0.0.1 70000' '70000|port'
bad_replicas_file '2 127.0.0.1 7413 7414 7415' '7415|too m'

step 'wrong options: status 2'
expect_refusal 'no-such-option' --no-such-option
expect_equal 'the exit status' "$refused_with" 2
expect_refusal 'log-level' --data-dir data --log-level loud
expect_equal 'the exit status' "$refused_with" 2
expect_refusal 'cluster-id' --data-dir new --create --cluster-id 12
expect_equal 'the exit status' "$refused_with" 2
expect_status 2 "$RKV" no-such-command
expect_one_line 'stderr of rkv no-such-command' "$error"
expect_status 2 "$RKV" put only-a-key
