#!/bin/bash
# A write is on disk before it is acknowledged: the system calls of rkvd show a sync for each of a
# row of writes, and none for reads.
# needs: strace
. "$(dirname "$0")/lib.sh"

# The leak check of the address sanitizer does not work under strace.
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
mapfile -t ports < <(free_ports 2)
rkv() { "$RKV" -s "127.0.0.1:${ports[0]}" --timeout 10 "$@"; }
answers() { rkv get absent >/dev/null 2>&1 || (($? == 1)); }
is_traced() { ! grep -q '^TracerPid:[[:space:]]*0$' /proc/"$rkvd"/task/*/status; }

# Of the files whose sync makes a write durable. (The state is saved behind a log at its own time.)
syncs() {
  grep -cE "f(data)?sync\([0-9]+<[^>]*/$folder/[^>]*>(\) += 0| <unfinished)" "trace-$protocol"
}

for protocol in paxos forward; do
  [[ $protocol == paxos ]] && folder=log || folder=store
  start_process "rkvd-$protocol.log" "$RKVD" --data-dir "data-$protocol" \
    --replication "$protocol" --listen "127.0.0.1:${ports[0]}" --peer-listen "127.0.0.1:${ports[1]}"
  wait_until "$deadline" answers || fail "rkvd does not answer: $(<"rkvd-$protocol.log")"
  rkvd=$pid
  start_process strace.log strace -f -y -qq -e trace=fsync,fdatasync -o "trace-$protocol" -p "$rkvd"
  wait_until "$deadline" is_traced || fail "strace does not start: $(<strace.log)"

  step "a row of 20 writes under replication $protocol"
  for i in {1..20}; do
    before=$(syncs)
    expect_status 0 rkv put "key-$i" value
    (($(syncs) > before)) || fail "write $i was acknowledged without a sync"
  done

  step '20 reads'
  before=$(syncs)
  for i in {1..20}; do
    expect_status 0 rkv get "key-$i"
  done
  expect_equal 'the number of syncs after 20 reads' "$(syncs)" "$before"

  kill -TERM "$rkvd"
  wait_for_end "$rkvd"
  expect_equal 'the exit status after SIGTERM' "$ended_with" 0
done
