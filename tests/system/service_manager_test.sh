#!/bin/bash
# rkvd under a service manager: it takes sockets that are there already, and tells when it is ready
# and when it stops. Without systemd: a small program does its part.
. "$(dirname "$0")/lib.sh"

launcher=$BUILD/service_launcher
mapfile -t ports < <(free_ports 4)
client=127.0.0.1:${ports[0]} peer=127.0.0.1:${ports[1]} elsewhere=127.0.0.1:${ports[2]}
answers_at() { "$RKV" -s "$1" --timeout 2 status >/dev/null 2>&1; }
expect_line() {   # file, extended regular expression for a whole line
  wait_until "$deadline" grep -qxE -- "$2" "$1" || fail "no line '$2' in $1: $(<"$1")"
}

start_receiver() {   # socket
  start_process received.log "$launcher" receive "$1"
  receiver=$pid
  expect_line received.log receiving
}

stop_it() {   # pid
  kill -TERM "$1"
  wait_for_end "$1"
  expect_equal 'the exit status after SIGTERM' "$ended_with" 0
}

step 'calls are answered on the inherited socket, and nowhere else'
start_process inherited.log "$launcher" listen client "tcp:$client" -- \
  "$RKVD" --data-dir one --listen "$elsewhere"
inherited=$pid
wait_until "$deadline" answers_at "$client" || fail "rkvd does not answer: $(<inherited.log)"
expect_status 0 "$RKV" -s "$client" put key value
expect_status 3 "$RKV" -s "$elsewhere" --timeout 1 get key
expect_match 'the log' "$(<inherited.log)" "clients at $client \(tcp\), peers"
expect_status 0 "$RKV" -s "$client" replicas
expect_match 'replicas' "$output" "127.0.0.1 +${ports[0]} "

step 'an inherited UDP socket is served too'
start_process datagrams.log "$launcher" listen client:client "tcp:$peer" "udp:$peer" -- \
  "$RKVD" --data-dir datagrams
wait_until "$deadline" answers_at "$peer" || fail "rkvd does not answer: $(<datagrams.log)"
expect_status 0 "$RKV" -t udp -s "$peer" put key value
expect_match 'the log' "$(<datagrams.log)" "clients at $peer \(tcp and udp\)"
stop_it "$pid"

step "the socket is non-blocking and not for children"
flags=$(sed -n 's/^flags:[[:space:]]*//p' "/proc/$inherited/fdinfo/3")
(((0$flags & 04000) && (0$flags & 02000000))) || fail "the flags of descriptor 3 are 0$flags"
stop_it "$inherited"

step 'a call that came before rkvd did is answered: the socket is there all the time'
start_process early.log "$launcher" listen client "tcp:$client" -- \
  bash -c 'until [[ -e go ]]; do sleep 0.1; done; exec "$@"' - \
  "$RKVD" --data-dir one
early=$pid
listens() { grep -q ":$(printf %04X "${ports[0]}") 00000000:0000 0A" /proc/net/tcp; }
wait_until "$deadline" listens || fail 'the launcher does not listen'
start_process early_call.log "$RKV" -s "$client" --timeout "$deadline" get key
early_call=$pid
connected() { grep -q ":$(printf %04X "${ports[0]}") .* 01 " /proc/net/tcp; }
wait_until "$deadline" connected || fail 'rkv does not connect'
touch go
wait_for_end "$early_call"
expect_equal 'the early call' "$ended_with $(<early_call.log)" '0 value'
stop_it "$early"

step 'client and peer sockets in a cluster'
echo "1 127.0.0.1 ${ports[0]} ${ports[1]}
2 127.0.0.1 ${ports[2]} ${ports[3]}" >replicas.conf
create=(--create --cluster-id 000102030405060708090a0b0c0d0e0f --replicas replicas.conf)
start_process first.log "$launcher" listen peer:client "tcp:$peer" "tcp:$client" -- \
  "$RKVD" --id 1 "${create[@]}" --data-dir first
first=$pid
start_process second.log "$RKVD" --id 2 "${create[@]}" --data-dir second
second=$pid
both_up() { "$RKV" -s "$client" put a b && "$RKV" -s "$elsewhere" get a; } >/dev/null 2>&1
wait_until "$deadline" both_up || fail "the replicas do not agree: $(<first.log) $(<second.log)"
expect_match 'the log' "$(<first.log)" "clients at $client \(tcp\), peers at $peer"
stop_it "$first"
stop_it "$second"

step 'what has no use is refused in one line'
refused() {   # pattern, names, sockets...
  local pattern=$1
  shift
  expect_status 2 timeout $deadline "$launcher" listen "$@" -- "$RKVD" --data-dir one
  expect_match 'stderr' "$error" "$pattern"
  expect_one_line 'stderr' "$error"
}
refused "TCP socket 'other' has no use here.*FileDescriptorName" other "tcp:$client"
refused "TCP socket 'peer' has no use here" client:peer "tcp:$client" "tcp:$peer"
refused "UDP socket 'peer' has no use here" peer "udp:$peer"
refused "'client' .*neither of IPv4 nor of IPv6" client unix:socket
refused "'client' .*does not listen" client "bound:$client"
refused 'LISTEN_FDS has 2 sockets, LISTEN_FDNAMES 1 names' client "tcp:$client" "tcp:$peer"
expect_status 2 timeout $deadline \
  env LISTEN_FDNAMES=client LISTEN_FDS=1000 bash -c 'LISTEN_PID=$$ exec "$@"' - \
  "$RKVD" --data-dir one
expect_match 'stderr' "$error" "LISTEN_FDS is '1000'"
expect_status 2 timeout $deadline \
  env LISTEN_FDNAMES=client LISTEN_FDS=1 bash -c 'LISTEN_PID=$$ exec "$@" 3<&-' - \
  "$RKVD" --data-dir one
expect_match 'stderr' "$error" "'client' \(descriptor 3\) is not a socket"

step 'sockets for another process are not touched'
start_process other.log env LISTEN_PID=1 LISTEN_FDS=1 LISTEN_FDNAMES=strange \
  "$RKVD" --data-dir one --listen "$client"
wait_until "$deadline" answers_at "$client" || fail "rkvd does not answer: $(<other.log)"
stop_it "$pid"

step 'READY=1 when a call is answered, STOPPING=1 at SIGTERM; a path and an abstract name'
for socket in "$PWD/notify" "@rkv-test-$$"; do
  rm -f received.log
  start_receiver "$socket"
  start_process notified.log env NOTIFY_SOCKET="$socket" "$RKVD" --data-dir one \
    --listen "$client"
  notified=$pid
  expect_line received.log READY=1
  expect_status 0 "$RKV" -s "$client" --timeout 2 get key
  expect_line received.log "STATUS=replica 1 takes clients at $client"
  expect_equal 'STOPPING=1 before SIGTERM' "$(grep -c STOPPING received.log)" 0
  stop_it "$notified"
  expect_line received.log STOPPING=1
  expect_equal 'the order' "$(grep -o '^[A-Z]*=1' received.log | tr '\n' ' ')" 'READY=1 STOPPING=1 '
  kill -KILL "$receiver"
  wait_for_end "$receiver"
done

step 'one that cannot start never says READY=1'
rm -f received.log notify
start_receiver "$PWD/notify"
mkdir other-data && touch other-data/file
expect_status 1 timeout $deadline env NOTIFY_SOCKET="$PWD/notify" "$RKVD" --data-dir other-data \
  --listen "$client"
expect_equal 'what was received' "$(<received.log)" receiving

step 'nobody at NOTIFY_SOCKET: said in the log, and no reason not to serve'
start_process unheard.log env NOTIFY_SOCKET="$PWD/nobody" "$RKVD" --data-dir one \
  --listen "$client"
wait_until "$deadline" answers_at "$client" || fail "rkvd does not answer: $(<unheard.log)"
expect_match 'the log' "$(<unheard.log)" 'cannot tell the service manager at NOTIFY_SOCKET='
stop_it "$pid"
