#!/bin/bash
# 500 simulated clusters of paxos and 500 of two-phase commit, of three and of five replicas, some
# of both with the real log on a simulated disk, and some of each other protocol; that a seed is
# repeated exactly; and that the bugs of tests/mutants can still be planted.
# needs: patch
# timeout: 300
set -uo pipefail
repository=$(cd "$(dirname "$0")/../.." && pwd)

cp -r "$repository/src" src
if ! patch -s -p1 -d src <"$repository/tests/mutants/planted.patch"; then
  echo 'tests/mutants/planted.patch does not fit the sources any more'
  exit 1
fi

run() {   # protocol, replicas, seeds, further options
  "$BUILD/sim" --from 1 --count "$3" --replication "$1" --replicas "$2" --workers "$(nproc)" \
    "${@:4}" || exit 1
}
for replicas in 3 5; do
  run paxos $replicas 250
  run 2pc $replicas 250
  run 2pc-coordinator $replicas 25
  run forward $replicas 50
  run paxos $replicas 50 --log disk
  run 2pc $replicas 50 --log disk
done

for protocol in paxos 2pc; do
  first=$("$BUILD/sim" --seed 7 --replication $protocol | tail -n 1)
  again=$("$BUILD/sim" --seed 7 --replication $protocol | tail -n 1)
  if [[ $first != *passed* || $first != "$again" ]]; then
    echo "seed 7 of $protocol is not repeated: $first; $again"
    exit 1
  fi
done
