#!/bin/bash
# Wireshark's idea of RPC is not ours: tshark reads everything that clients of three kinds and the
# replicas say to one another, and has to understand all of it. In a network namespace, where nobody
# else is heard.
# needs: root unshare ip tshark dumpcap python3
# timeout: 180
if [[ -z ${TSHARK_TEST_INSIDE:-} ]]; then
  export TSHARK_TEST_INSIDE=1
  exec unshare --net --mount --pid --fork --kill-child --mount-proc bash "$0"
fi
. "$(dirname "$0")/lib.sh"
export PYTHONDONTWRITEBYTECODE=1

client_program=$((0x20006b76)) peer_program=$((0x20006b77))
ip link set lo up

step 'capture'
: >dumpcap.log
start_process dumpcap.log dumpcap -q -i lo -B 64 -w capture.pcapng \
  -a duration:150 -a filesize:400000   # at most; it is ended below
dumpcap=$pid
captures() { grep -q '^File:' dumpcap.log; }
wait_until "$deadline" captures || fail "dumpcap does not start: $(<dumpcap.log)"
start_cluster 3
mapfile -t peer_port_of_replica < <(awk 'BEGIN { print "" } { print $4 }' replicas.conf)

step 'rkv'
head -c 1048576 /dev/urandom >largest
expect_status 0 rkv_at 1 put small value
expect_status 0 rkv_at 2 get small
expect_status 0 rkv_at 3 del small
expect_status 1 rkv_at 3 get small
expect_status 0 rkv_at 2 put largest @largest
rkv_at 3 get largest | cmp - largest || fail 'the largest value comes back as another'
expect_status 0 "$RKV" -f replicas.conf status --state-hash

step 'Python'
python_calls=0
check() {
  expect_status 0 python3 "$repository/tests/system/kv_client_check.py" "$@"
  ((python_calls += ${output#calls }))
}
for id in 1 2 3; do
  check procedures "${address_of_replica[id]}"
done
check threads 8 50 "${address_of_replica[@]:1}"

step 'stock stubs'
expect_status 0 "$BUILD/stock_client" 127.0.0.1 "${port_of_replica[2]}"
expect_status 0 "$BUILD/stock_threads" 8 50 127.0.0.1 "${port_of_replica[@]:1}"
stock_calls=${output#calls }

step 'the end of the capture'
calls_at=('')
for id in 1 2 3; do
  expect_status 0 python3 "$repository/tests/system/kv_client.py" 127.0.0.1 \
    "${port_of_replica[id]}" status
  expect_match 'status' "$output" "'calls': [0-9]+"
  calls_at[id]=${BASH_REMATCH[0]##* }
done
# Everything before this datagram is in the file when the datagram is.
marker=the-end-of-the-capture
mark_the_end() {
  echo "$marker" >/dev/udp/127.0.0.1/9
  grep -qa "$marker" capture.pcapng
}
wait_until "$deadline" mark_the_end || fail "dumpcap does not write: $(<dumpcap.log)"
kill -TERM "$dumpcap"
wait_for_end "$dumpcap"
grep -q 'received/dropped.*/0 (pcap' dumpcap.log || fail "packets are missing: $(<dumpcap.log)"
expect_status 0 kv_r stop

# ---- what tshark understands ---------------------------------------------------------------------

decode_as=()
for port in "${port_of_replica[@]:1}" "${peer_port_of_replica[@]:1}"; do
  decode_as+=(-d "tcp.port==$port,rpc")
done

read_capture() {   # display filter, field...
  local filter=$1 field fields=()
  shift
  for field; do
    fields+=(-e "$field")
  done
  tshark -2 -n -r capture.pcapng -o rpc.dissect_unknown_programs:TRUE \
    -o tcp.reassemble_out_of_order:TRUE "${decode_as[@]}" -Y "$filter" -T fields "${fields[@]}" \
    2>tshark.log || fail "tshark: $(<tshark.log)"
}

# How often a field has a value; several messages of one packet are behind commas.
count_values() {   # field of the file messages, value
  cut -f "$1" messages | tr ',' '\n' | grep -cxE "$2"
}

has_largest_value() {
  cut -f 4 messages | tr ',' '\n' | awk '$1 > 1048576 { found = 1 } END { exit !found }'
}

step 'nothing is malformed, nothing is not RPC'
expect_equal 'malformed' \
  "$(read_capture '_ws.malformed || _ws.expert.severity == 0x00800000' frame.number | head)" ''
# What TCP sends again, to a reader that is slow, is not dissected twice.
expect_equal 'a byte that belongs to no record' "$(read_capture \
  'tcp.len > 0 && !rpc && !tcp.reassembled_in && !tcp.analysis.retransmission' frame.number |
  head)" ''

all_calls=0
for id in 1 2 3; do
  step "client port of replica $id: ${calls_at[id]} calls by its own count"
  read_capture "rpc && tcp.port == ${port_of_replica[id]}" \
    rpc.msgtyp rpc.program rpc.repframe rpc.fraglen >messages
  expect_equal 'calls' "$(count_values 1 0)" "${calls_at[id]}"
  expect_equal 'replies' "$(count_values 1 1)" "${calls_at[id]}"
  expect_equal 'replies that belong to a call' "$(count_values 3 '[0-9]+')" "${calls_at[id]}"
  # One call of the Python client is for a program that is not there.
  expect_equal 'messages of KV_PROG' "$(count_values 2 "$client_program")" \
    $((2 * calls_at[id] - 2))
  expect_equal 'messages of another program' "$(count_values 2 $((client_program + 2)))" 2
  has_largest_value || fail 'there is no message with a value of 1 MiB'
  ((all_calls += calls_at[id]))
done
((all_calls > python_calls + stock_calls)) ||
  fail "$all_calls calls, but the clients say that they made $python_calls and $stock_calls"

for id in 1 2 3; do
  step "peer port of replica $id"
  read_capture "rpc && tcp.port == ${peer_port_of_replica[id]}" \
    rpc.msgtyp rpc.program rpc.repframe rpc.fraglen >messages
  calls=$(count_values 1 0) replies=$(count_values 1 1)
  ((calls > 100)) || fail "there are $calls calls only"
  # From each of the two others, one may have been on its way at the end.
  ((replies <= calls && replies >= calls - 2)) || fail "$calls calls and $replies replies"
  expect_equal 'replies that belong to a call' "$(count_values 3 '[0-9]+')" "$replies"
  expect_equal 'messages of KV_PEER_PROG' "$(count_values 2 "$peer_program")" $((calls + replies))
  has_largest_value || fail 'there is no message with a value of 1 MiB'
done
