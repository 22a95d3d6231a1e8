#!/bin/bash
# rkvd and rpcbind: registered, withdrawn, taken over from the dead and never from the living. With
# an rpcbind of the test's own, in a network and mount namespace of its own: rpcbind has one port
# and one socket file on a machine.
# needs: root rpcbind rpcinfo unshare ip setpriv
# timeout: 180
if [[ -z ${RPCBIND_TEST_NAMESPACE:-} ]]; then
  RPCBIND_TEST_NAMESPACE=1 exec unshare -mn bash "$0"
fi
. "$(dirname "$0")/lib.sh"
unset RKVD_RPCBIND

program=536898422
check_ms=200

ip link set lo up || fail 'no loopback interface'
mount -t tmpfs tmpfs /run || fail 'no /run of its own'
install -d -o _rpc /run/rpcbind
# What is for another user must be where it may read.
install -m 755 "$RKVD" /run/rkvd
install -d -m 777 /run/nobody

# ---- rpcbind ------------------------------------------------------------------------------------

start_rpcbind() {   # options...
  start_process rpcbind.log rpcbind -f "$@"
  rpcbind_process=$pid
  wait_until "$deadline" rpcinfo >/dev/null 2>&1 || fail "rpcbind does not start: $(<rpcbind.log)"
}

stop_rpcbind() {
  kill -TERM "$rpcbind_process"
  wait_for_end "$rpcbind_process"
}

# The entries of the program, a line "netid address owner" for each.
entries() {
  rpcinfo 2>/dev/null | awk -v program=$program '$1 == program { print $3, $4, $6 }' | sort
}

entries_are() { [[ $(entries) == "$1" ]]; }

expect_entries() {   # what, lines
  wait_until "$deadline" entries_are "$2" ||
    fail "$1: the entries are"$'\n'"$(entries)"$'\n'"instead of"$'\n'"$2"
}

universal() {   # host, port
  echo "$1.$(($2 / 256)).$(($2 % 256))"
}

# ---- rkvd ---------------------------------------------------------------------------------------

mapfile -t ports < <(free_ports 3)
start_rkvd() {   # name, port, options...; sets $pid
  local name=$1 port=$2 directory=${data:-$PWD} create=()
  shift 2
  echo "1 localhost $port $((port + 1))" >"$directory/$name.conf"
  [[ -d $directory/$name ]] || create=(--create --cluster-id 000102030405060708090a0b0c0d0e0f)
  start_process "$name.log" "${rkvd[@]}" --data-dir "$directory/$name" --id 1 \
    --replicas "$directory/$name.conf" "${create[@]}" --rpcbind-check-ms $check_ms "$@"
  wait_until "$deadline" answers "$port" || fail "$name does not answer: $(<"$name.log")"
}
rkvd=("$RKVD")

answers() { "$RKV" -s "localhost:$1" --timeout 2 status >/dev/null 2>&1; }
logged() { grep -qE "$2" "$1.log"; }
expect_logged() {   # name, pattern
  wait_until "$deadline" logged "$1" "$2" || fail "$1 does not say '$2': $(<"$1.log")"
}

counter() {   # port, name
  "$RKV" -s "localhost:$1" -w json status | grep -o "\"$2\": *[0-9]*" | grep -o '[0-9]*$'
}
counter_is() { [[ $(counter "$1" "$2") == "$3" ]]; }

stop_rkvd() {   # pid
  kill -TERM "$1"
  wait_for_end "$1"
  expect_equal 'the exit status after SIGTERM' "$ended_with" 0
}

kill_rkvd() {   # pid
  kill -KILL "$1"
  wait_for_end "$1"
}

four() {   # port, owner: the entries of a replica at localhost
  local netid
  for netid in tcp tcp6 udp udp6; do
    if [[ $netid == *6 ]]; then
      echo "$netid $(universal ::1 "$1") $2"
    else
      echo "$netid $(universal 127.0.0.1 "$1") $2"
    fi
  done
}

# ---- without rpcbind ----------------------------------------------------------------------------

step 'auto without rpcbind: it runs, says so once, and rpcinfo -a reaches it'
start_rkvd one "${ports[0]}"
one=$pid
expect_logged one 'no rpcbind at /run/rpcbind.sock: no such file or directory'
expect_status 0 timeout 20 rpcinfo -a "$(universal 127.0.0.1 "${ports[0]}")" -T tcp $program 1
expect_equal rpcbind_registered "$(counter "${ports[0]}" rpcbind_registered)" 0

step 'require without rpcbind: it does not start, and says why in one line'
expect_status 1 timeout $deadline "$RKVD" --data-dir refused \
  --listen "127.0.0.1:${ports[1]}" --rpcbind require
expect_match 'stderr' "$error" 'no rpcbind at /run/rpcbind.sock.*--rpcbind'
expect_one_line 'stderr without the log' "$(grep '^rkvd:' <<<"$error")"
expect_status 2 "$RKVD" --data-dir refused --rpcbind sometimes
expect_match 'stderr' "$error" 'auto, off or require'

step 'rpcbind comes later: it is registered by itself'
start_rpcbind
expect_entries 'after rpcbind came' "$(four "${ports[0]}" superuser)"
expect_logged one "program $program version 1 is registered: tcp udp tcp6 udp6"
expect_equal 'lines about the missing rpcbind' "$(grep -c 'no rpcbind' one.log)" 1
wait_until "$deadline" counter_is "${ports[0]}" rpcbind_registered 4 || fail 'rpcbind_registered'

# ---- registered ---------------------------------------------------------------------------------

step 'rpcinfo finds it'
expect_status 0 timeout 20 rpcinfo -p
expect_match 'rpcinfo -p' "$output" "$program +1 +tcp +${ports[0]}"
expect_match 'rpcinfo -p' "$output" "$program +1 +udp +${ports[0]}"
for netid in tcp udp tcp6 udp6; do
  host=127.0.0.1
  [[ $netid != *6 ]] || host=::1
  expect_status 0 timeout 20 rpcinfo -T $netid $host $program 1
  expect_match 'rpcinfo -T' "$output" "program $program version 1 ready and waiting"
done

step 'rpcbind started anew without -w has forgotten it: the entries come back'
stop_rpcbind
expect_logged one 'no rpcbind|rpcbind at'
start_rpcbind
expect_entries 'after rpcbind was restarted' "$(four "${ports[0]}" superuser)"

step 'with -w rpcbind remembers, and they stay'
stop_rpcbind
start_rpcbind -w
expect_entries 'with rpcbind -w' "$(four "${ports[0]}" superuser)"
stop_rpcbind
start_rpcbind -w
expect_entries 'after rpcbind -w was restarted' "$(four "${ports[0]}" superuser)"

step 'withdrawn at exit'
stop_rkvd "$one"
expect_equal 'the entries' "$(entries)" ''

step 'off: rpcbind is not talked to'
start_rkvd quiet "${ports[0]}" --rpcbind off
stop_rkvd "$pid"
expect_equal 'lines about rpcbind' "$(grep -c rpcbind quiet.log)" 0

step 'require with rpcbind: registered when it says that it started'
start_rkvd required "${ports[1]}" --rpcbind require
required=$pid
expect_equal 'the entries' "$(entries)" "$(four "${ports[1]}" superuser)"
expect_match 'the log before "started"' "$(sed '/started for the/,$d' required.log)" 'is registered'

step 'require while another server holds the place: refused in one line, and nothing is taken'
expect_status 1 timeout $deadline "$RKVD" --data-dir refused \
  --listen "127.0.0.1:${ports[2]}" --rpcbind require
expect_match 'stderr' "$error" "is held by 127.0.0.1:${ports[1]}.*--rpcbind"
expect_one_line 'stderr without the log' "$(grep '^rkvd:' <<<"$error")"
expect_equal 'the entries' "$(entries)" "$(four "${ports[1]}" superuser)"

# ---- the dead and the living --------------------------------------------------------------------

step 'a stopped process lives: its entry is not taken'
start_rkvd two "${ports[2]}" --log-level debug
two=$pid
expect_logged two "netid tcp6 of program $program is held by \[::1\]:${ports[1]}"
kill -STOP "$required"
checks() { grep -c 'rpcbind: checked' two.log; }
before=$(checks)
checked_again() { (($(checks) >= before + 3)); }
wait_until "$deadline" checked_again || fail 'it does not check'
expect_equal 'the entries' "$(entries)" "$(four "${ports[1]}" superuser)"
kill -CONT "$required"

step 'kill -9 leaves entries behind: the other one takes them over at a check'
kill_rkvd "$required"
expect_entries 'after kill -9' "$(four "${ports[2]}" superuser)"

step 'kill -9 and a start at another port: they are taken over at the start'
kill_rkvd "$two"
expect_equal 'the stale entries' "$(entries)" "$(four "${ports[2]}" superuser)"
start_rkvd two "${ports[0]}" --rpcbind require
expect_equal 'the entries' "$(entries)" "$(four "${ports[0]}" superuser)"
stop_rkvd "$pid"
expect_equal 'the entries' "$(entries)" ''

step "somebody else's server under our number keeps its entry, and loses it when it has gone"
start_process stock.log "$BUILD/stock_server"
stock=$pid
stock_is_there() { [[ $(entries) == tcp\ 0.0.0.0.*superuser ]]; }
wait_until "$deadline" stock_is_there || fail "the stock server is not registered: $(<stock.log)"
of_stock=$(entries)
start_rkvd two "${ports[0]}"
two=$pid
expect_logged two "netid tcp of program $program is held by 0.0.0.0:"
expect_entries 'beside the stock server' \
  "$of_stock"$'\n'"$(four "${ports[0]}" superuser | grep -v '^tcp ')"
expect_equal rpcbind_registered "$(counter "${ports[0]}" rpcbind_registered)" 3
kill_rkvd "$stock"
expect_entries 'after the stock server' "$(four "${ports[0]}" superuser)"
stop_rkvd "$two"

# ---- not as root --------------------------------------------------------------------------------

step 'as nobody: registered as owner, withdrawn at exit, stale entries taken over'
rkvd=(setpriv --reuid=65534 --regid=65534 --clear-groups /run/rkvd)
data=/run/nobody
start_rkvd three "${ports[0]}"
expect_entries 'as nobody' "$(four "${ports[0]}" 65534)"
stop_rkvd "$pid"
expect_equal 'the entries' "$(entries)" ''
start_rkvd three "${ports[0]}"
expect_entries 'as nobody' "$(four "${ports[0]}" 65534)"
kill_rkvd "$pid"
start_rkvd three "${ports[1]}"
expect_entries 'as nobody, after kill -9' "$(four "${ports[1]}" 65534)"
stop_rkvd "$pid"

step "nobody cannot remove root's stale entry, and says who can"
rkvd=("$RKVD")
start_rkvd four "${ports[0]}" && kill_rkvd "$pid"
rkvd=(setpriv --reuid=65534 --regid=65534 --clear-groups /run/rkvd)
start_rkvd three "${ports[1]}"
three=$pid
expect_logged three \
  "still leads to 127.0.0.1:${ports[0]}.*superuser.*root.*rpcinfo -d -T tcp $program 1"
expect_equal 'the entries' "$(entries)" "$(four "${ports[0]}" superuser)"
for netid in tcp tcp6 udp udp6; do
  expect_status 0 rpcinfo -d -T $netid $program 1
done
expect_entries 'after root removed them' "$(four "${ports[1]}" 65534)"
stop_rkvd "$three"
rkvd=("$RKVD")
data=''

# ---- a cluster on one host ----------------------------------------------------------------------

step 'five replicas on one host: one holds the entry, the others say so, and another takes it over'
start_cluster 5 --rpcbind-check-ms $check_ms
holder() {
  local address id
  address=$(entries | awk '$1 == "tcp" { print $2 }')
  for ((id = 1; id <= 5; ++id)); do
    [[ $address != "$(universal 127.0.0.1 "${port_of_replica[id]}")" ]] || echo $id
  done
}
one_holds() { [[ $(holder) =~ ^[1-5]$ ]]; }
wait_until "$deadline" one_holds || fail "nobody holds the entry: $(entries)"
first=$(holder)
says_held() {   # how many replicas
  (($(grep -l "is held by 127.0.0.1:${port_of_replica[first]}; this replica is reached" \
    cluster/*/log | wc -l) >= $1))
}
wait_until "$deadline" says_held 4 || fail 'the others do not say who holds the entry'
kv_r kill "$first" || fail "kv_r.sh kill $first"
another_holds() { one_holds && [[ $(holder) != "$first" ]]; }
wait_until "$deadline" another_holds || fail "nobody has taken the entry over: $(entries)"
kv_r stop >/dev/null || fail 'kv_r.sh stop'
expect_equal 'the entries' "$(entries)" ''

# ---- an rpcbind that hangs ----------------------------------------------------------------------

step 'an rpcbind that hangs holds up neither the calls nor the end'
start_rkvd one "${ports[0]}"
one=$pid
expect_entries 'before rpcbind hangs' "$(four "${ports[0]}" superuser)"
kill -STOP "$rpcbind_process"
expect_logged one 'rpcbind at /run/rpcbind.sock: no answer in time'
expect_status 0 "$RKV" -s "localhost:${ports[0]}" put key value
stop_rkvd "$one"
kill -CONT "$rpcbind_process"
stop_rpcbind

step 'rkv without a port tries 7411'
start_rkvd default 7411 --rpcbind off
expect_status 0 "$RKV" -s localhost put key value
expect_status 0 "$RKV" -s 127.0.0.1 get key
expect_equal 'the value' "$output" value
stop_rkvd "$pid"
