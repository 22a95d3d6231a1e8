#!/bin/bash
# 500 simulated clusters, of three and of five replicas; and that a seed is repeated exactly.
# timeout: 300
set -uo pipefail

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
