#!/bin/bash
# A bit of a synced batch rots in the log of one replica of three: it starts and says so, votes for
# nothing, and is whole again when one that knows has told it what it lost. Under 2pc, where nobody
# else may know, it does not start.
# needs: python3
# timeout: 90
. "$(dirname "$0")/lib.sh"

python=(env PYTHONDONTWRITEBYTECODE=1 python3)

# A field of STATUS that rkv does not print.
trouble_of() {   # id
  (cd "$repository/tests/system" && "${python[@]}" -c '
import sys
from kv_client import KvClient
with KvClient("127.0.0.1", int(sys.argv[1])) as client:
    print(client.status().trouble)' "${port_of_replica[$1]}")
}

# Flips a bit of the batch before the last three, in the newest segment that has so many.
flip_a_bit() {   # folder of a log
  "${python[@]}" - "$1" <<'PYTHON'
import pathlib, struct, sys

SECTOR = 512
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.log"), reverse=True):
    content = bytearray(path.read_bytes())
    first_sector_of = {}  # by the sequence of the batch
    for start in range(SECTOR, len(content), SECTOR):
        ordinal, sequence = struct.unpack_from(">IQ", content, start + 4)
        if sequence > 0 and ordinal == 0:
            first_sector_of[sequence] = start
    if len(first_sector_of) > 3:
        start = first_sector_of[sorted(first_sector_of)[-4]]
        content[start + 200] ^= 0x10
        path.write_bytes(content)
        print(f"{path.name} at {start + 200}")
        sys.exit()
sys.exit("no segment has four batches")
PYTHON
}

step 'writes without replica 1, until the others are killed too'
start_cluster 3 --request-timeout-ms 1000
expect_status 0 kv_r kill 1
wait_until "$deadline" takes_a_put 3 || fail 'replicas 2 and 3 take no writes'
: >acknowledged
write_until_it_fails() {
  local i
  for ((i = 1; i < 100000; ++i)); do
    rkv_at 3 put "key-$i" "value $i" >/dev/null 2>&1 || return
    echo "key-$i value $i" >>acknowledged
  done
}
has_lines() { (($(wc -l <acknowledged) >= 50)); }
write_until_it_fails &
writer=$!
started+=("$writer")
wait_until "$deadline" has_lines || fail 'the writer does not get on'
for id in 2 3; do
  kv_r kill "$id" || fail "kill $id"
done
wait "$writer"

step 'a bit of the log of replica 2 is flipped'
expect_status 0 flip_a_bit cluster/2/data/log
echo "  $output"
expect_status 0 kv_r restart 2
grep -qE 'the log is damaged: log segment [0-9]{16}.log: damaged sectors: 1' cluster/2/log ||
  fail "it does not say so: $(tail -n 5 cluster/2/log)"
grep -q 'are lost, with records of slots up to [1-9].*; what it held is fetched from the other' \
  cluster/2/log || fail "it does not say what is lost: $(tail -n 5 cluster/2/log)"
damaged='the log is damaged; this replica does not vote until it has fetched what it lost'
expect_equal 'its trouble' "$(trouble_of 2)" "$damaged"

# They would be a majority, and replica 1 does not know what was acknowledged.
step 'with replica 1, which has none of it: it does not vote'
KV_R_TIMEOUT=3 expect_status 1 kv_r restart 1
expect_match 'stderr of the restart' "$error" 'the replicas answer, but have no leader'
sees_the_other() {   # id, other
  local json
  json=$(rkv_at "$1" -w json status 2>/dev/null)   # status 3: replica 3 does not answer
  json_objects <<<"$json" | grep "^{\"id\":$1,\"address\"" | grep -q "{\"id\":$2,\"up\":true"
}
wait_until "$deadline" sees_the_other 1 2 || fail 'replica 1 does not find replica 2'
wait_until "$deadline" sees_the_other 2 1 || fail 'replica 2 does not find replica 1'
for id in 1 2; do
  expect_status 3 rkv_at "$id" --timeout 10 put key value   # it waits ten elections for a leader
  expect_match 'stderr of the put' "$error" 'there is no leader'
done
expect_equal 'its trouble' "$(trouble_of 2)" "$damaged"

step 'with replica 3, it learns what it lost'
expect_status 0 kv_r restart 3
wait_until "$deadline" all_connected || fail 'the replicas do not find one another'
is_whole() { [[ -z $(trouble_of 2) ]]; }
wait_until "$deadline" is_whole || fail "replica 2 stays in trouble: $(trouble_of 2)"
expect_equal_hashes
while read -r key value; do
  expect_status 0 rkv_at 2 get "$key"
  expect_equal "$key" "$output" "$value"
done <acknowledged
echo "  $(wc -l <acknowledged) acknowledged writes are there"

step 'now it votes: with replica 1 alone, it is a majority'
expect_status 0 kv_r kill 3
takes_a_put_of_two() { takes_a_put 1 && takes_a_put 2; }
wait_until "$deadline" takes_a_put_of_two || fail 'replicas 1 and 2 take no writes'

step 'and after another start, with the damage still in its log'
expect_status 0 kv_r kill 2
expect_status 0 kv_r restart 2
expect_status 0 kv_r restart 3
wait_until "$deadline" all_connected || fail 'the replicas do not find one another'
wait_until "$deadline" is_whole || fail "replica 2 is in trouble: $(trouble_of 2)"
expect_equal_hashes

step 'under 2pc a replica whose log has lost something does not start, until it is as it was'
expect_status 0 kv_r stop
expect_status 0 kv_r clean
expect_status 0 kv_r start --replication 2pc
for i in 1 2 3 4 5 6 7 8; do
  expect_status 0 rkv_at 1 put "key-$i" "value $i"
done
expect_status 0 kv_r kill 2
expect_status 0 flip_a_bit cluster/2/data/log
echo "  $output"
for _ in 1 2; do
  expect_status 1 kv_r restart 2
  expect_one_line 'stderr of the restart' "$error"
  expect_match 'stderr of the restart' "$error" \
    '2/data: its log has lost votes or decisions of two-phase commit .*put the file back as it was'
done
expect_status 0 flip_a_bit cluster/2/data/log
expect_status 0 kv_r restart 2
expect_status 0 rkv_at 2 put key-1 'another value'
expect_equal_hashes
