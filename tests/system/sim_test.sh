#!/bin/bash
# 500 simulated clusters, of three and of five replicas; that a seed is repeated exactly; and that
# the bugs of tests/mutants can still be planted.
# needs: patch
# timeout: 300
set -uo pipefail
repository=$(cd "$(dirname "$0")/../.." && pwd)

cp -r "$repository/src" src
if ! patch -s -p1 -d src <"$repository/tests/mutants/planted.patch"; then
  echo 'tests/mutants/planted.patch does not fit the sources any more'
  exit 1
fi

run() {   # replicas
  "$BUILD/sim" --from 1 --count 250 --replicas "$1" --workers "$(nproc)" || exit 1
}
run 3
run 5

first=$("$BUILD/sim" --seed 7 | tail -n 1)
again=$("$BUILD/sim" --seed 7 | tail -n 1)
if [[ $first != *passed* || $first != "$again" ]]; then
  echo "seed 7 is not repeated: $first; $again"
  exit 1
fi
