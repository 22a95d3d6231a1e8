#!/bin/bash
# What a data directory has to hold: without its log, from a creation that was broken off, or of
# another replication protocol, it is refused with a line that says so.
# timeout: 90
. "$(dirname "$0")/lib.sh"

mapfile -t ports < <(free_ports 2)
listen=(--listen "127.0.0.1:${ports[0]}" --peer-listen "127.0.0.1:${ports[1]}")
rkv() { "$RKV" -s "127.0.0.1:${ports[0]}" --timeout 5 "$@"; }
answers() { rkv get absent >/dev/null 2>&1 || (($? == 1)); }

start_rkvd() {   # options...
  start_process rkvd.log "$RKVD" "${listen[@]}" "$@"
  wait_until "$deadline" answers || fail "rkvd $* does not answer: $(<rkvd.log)"
}

kill_rkvd() {
  kill -KILL "$pid"
  wait_for_end "$pid"
}

expect_refusal() {   # what the line has to match, options...
  local pattern=$1
  shift
  expect_status 2 timeout 20 "$RKVD" "${listen[@]}" "$@"
  expect_one_line "stderr of rkvd $*" "$error"
  expect_match "stderr of rkvd $*" "$error" "$pattern"
}

step 'without its log, a replica does not know what it has promised'
start_rkvd --data-dir data
expect_status 0 rkv put key value
kill_rkvd
mv data/log log-kept
gone='data directory data: its log is gone; without it the replica does not know what it has '
gone+='promised the others'
expect_refusal "$gone" --data-dir data
mkdir data/log
# Twice: the first start must not have made what the second one takes for a log.
for _ in 1 2; do
  expect_refusal "$gone" --data-dir data
done
# A segment of zeros is made ahead of need: it is no log.
truncate -s 16M data/log/0000000000000001.log
for _ in 1 2; do
  expect_refusal "$gone" --data-dir data
done
rm -r data/log
mv log-kept data/log
start_rkvd --data-dir data
expect_status 0 rkv get key
expect_equal 'the value, with the log in its place again' "$output" value
kill_rkvd

step 'another replication protocol'
start_rkvd --data-dir forwarding --replication forward
kill_rkvd
[[ ! -e forwarding/log ]] || fail 'replication forward has a log'
expect_refusal 'replication paxos' --data-dir data --replication forward
expect_refusal 'replication forward' --data-dir forwarding --replication paxos
expect_refusal 'there is no such protocol; this version has: paxos, 2pc, forward' --data-dir new \
  --replication chain
start_rkvd --data-dir two-phase --replication 2pc
expect_status 0 rkv put key value
kill_rkvd
[[ -e two-phase/log ]] || fail 'replication 2pc has no log'
for other in paxos forward; do
  expect_refusal 'replication 2pc' --data-dir two-phase --replication "$other"
done
expect_refusal 'replication paxos' --data-dir data --replication 2pc
start_rkvd --data-dir two-phase
expect_status 0 rkv get key
expect_equal 'the value under 2pc, after kill -9' "$output" value
kill_rkvd
mv two-phase/log two-phase-log
expect_refusal 'data directory two-phase: its log is gone' --data-dir two-phase
mv two-phase-log two-phase/log
start_rkvd --data-dir forwarding
expect_status 0 rkv put key value
kill_rkvd

step 'kill -9 while a replica is made'
echo "1 127.0.0.1 ${ports[0]} ${ports[1]}" >replicas.conf
member=(--id 1 --replicas replicas.conf --data-dir member)
create=(--create --cluster-id 0123456789abcdef0123456789abcdef)
# How long the making takes here, in milliseconds, is what the moments are drawn from.
began=${EPOCHREALTIME/./}
start_rkvd "${member[@]}" "${create[@]}"
whole=$(((${EPOCHREALTIME/./} - began) / 1000))
kill_rkvd
started_or_ended() { answers || process_ended "$pid"; }
complete=0 broken=0
for round in {1..20}; do
  rm -rf member
  moment=$((RANDOM % whole))
  start_process created.log "$RKVD" "${listen[@]}" "${member[@]}" "${create[@]}"
  sleep "$((moment / 1000)).$(printf %03d $((moment % 1000)))"
  kill_rkvd
  start_process again.log "$RKVD" "${listen[@]}" "${member[@]}"
  wait_until "$deadline" started_or_ended || fail "round $round: neither starts nor ends"
  if answers; then
    kill_rkvd
    ((++complete))
  else
    wait_for_end "$pid"
    refusal='broken off; remove it and make|is empty; a new replica is made|'
    refusal+='does not exist; a new replica|there is no data in directory member/store;'
    expect_match "the last line after $moment ms" "$(tail -n 1 again.log)" "$refusal"
    ((++broken))
  fi
done
echo "  of 20: $complete complete, $broken refused"
((broken > 0)) || fail 'no creation was broken off'

step 'what was broken off is made again'
rm -rf member
start_rkvd "${member[@]}" "${create[@]}"
expect_status 0 rkv put key value
