#!/bin/bash
# timeout: 150
# SIGTERM in the middle of a load: every call is answered or refused, none is left in the dark, and
# what was acknowledged is there after the next start.
. "$(dirname "$0")/lib.sh"

mapfile -t ports < <(free_ports 1)
address=127.0.0.1:${ports[0]}

# Under paxos, who has answered a read has applied all that was acknowledged before.
answers() {
  "$RKV" -s "$address" --timeout 1 get absent >/dev/null 2>&1 || (($? == 1))
}

keys() {
  [[ $("$RKV" -s "$address" -w json status) =~ \"keys\":\ ([0-9]+) ]] && echo "${BASH_REMATCH[1]}"
}

start() {
  "$RKVD" --data-dir "data-$protocol" --replication "$protocol" --listen "$address" 2>>log &
  pid=$!
  wait_until "$deadline" answers || fail "no answer: $(tail -n 1 log)"
}

for ((i = 0; i < 300000; ++i)); do
  printf 'key-%d\tvalue %d\n' "$i" "$i"
done >lines

has_keys() {
  (($(keys) > $1))
}

stop_under_load() {   # round
  local round=$1 loader status acknowledged found
  start
  "$RKV" -s "$address" --timeout 1 load lines >loaded 2>errors &
  loader=$!
  wait_until "$deadline" has_keys $((before + 2000)) || fail 'the load does not get going'
  kill -TERM "$pid"
  wait "$pid"
  status=$?
  ((status == 0)) || fail "round $round: exit status $status after SIGTERM: $(tail -n 3 log)"
  wait "$loader"
  status=$?
  if ((status == 0)); then
    echo "round $round: the load ended before the stop"
    return
  fi
  ((status == 3)) || fail "round $round: the load ended with $status: $(head -n 3 errors)"
  [[ $(<loaded) =~ ^loaded\ ([0-9]+)\ keys ]] || fail "what is this: $(<loaded)"
  acknowledged=${BASH_REMATCH[1]}
  ((acknowledged > before)) && before=$acknowledged
  start
  found=$(keys)
  ((found == before)) || fail "round $round: $found keys, but $before were acknowledged"
  kill -TERM "$pid"
  wait "$pid" || fail "exit status $? after SIGTERM while idle"
}

for protocol in paxos forward; do
  step "replication $protocol"
  before=0
  for round in 1 2 3; do
    stop_under_load $round
  done
done
echo ok
