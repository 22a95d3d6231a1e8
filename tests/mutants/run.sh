#!/bin/bash
# Runs the simulator with each bug of planted.patch in turn, until it finds something: prints what
# was found after how many seeds. Fails if a bug is not found within $SEEDS seeds (2000) of 3 and as
# many of 5 replicas, or if something is found in the first ones with no bug planted.
#
# Some bugs harm only a replica that has another one as well, or none that the simulator can see:
# live records not carried on, old votes taken for chosen after a second start (also of a learner),
# the word of a stopped acceptor counted, replies not bounded.
# The unit tests of the log, of recovery and of the session table have those.
#
#   run.sh build/mutants/sim [BUG...]
set -u
sim=$1
shift
here=$(cd "$(dirname "$0")" && pwd)
seeds=${SEEDS:-2000}
chunk=50

bugs=("$@")
((${#bugs[@]})) || mapfile -t bugs < <(grep -oE 'planted\("[a-z_]+"\)' "$here/planted.patch" |
  cut -d'"' -f2 | awk '!seen[$0]++')

# A bug of the log needs the log.
log_of() {
  if grep -A400 '^+++ b/storage/' "$here/planted.patch" | grep -q "planted(\"$1\")"; then
    echo --log disk
  fi
}

# A bug of two-phase commit needs that.
protocol_of() {
  if [[ $1 == txn_* ]]; then echo --replication 2pc; fi
}

# Prints the first failure within the seeds of a chunk.
first_failure() {   # bug, replicas, from
  # shellcheck disable=SC2046 # words
  RKV_PLANTED=$1 "$sim" --replicas "$2" --from "$3" --count $chunk \
    $(log_of "$1") $(protocol_of "$1") 2>/dev/null |
    grep -m 1 FAILED
}

found_within() {   # bug: prints how, or fails
  local from replicas failure
  for ((from = 1; from <= seeds; from += chunk)); do
    for replicas in 3 5; do
      failure=$(first_failure "$1" $replicas $from)
      [[ $failure =~ ^seed\ ([0-9]+)\ FAILED[^:]*:\ (.*)$ ]] || continue
      printf '%-30s %4d seeds of %d: %s\n' "$1" "${BASH_REMATCH[1]}" $replicas \
        "${BASH_REMATCH[2]:0:110}"
      return 0
    done
  done
  printf '%-30s NOT FOUND within %d seeds\n' "$1" "$seeds"
  return 1
}

# What is found without a bug would be taken for every one of them.
for log in fast disk; do
  for protocol in paxos 2pc; do
    for replicas in 3 5; do
      RKV_PLANTED= "$sim" --replicas $replicas --from 1 --count $chunk --log $log \
        --replication $protocol >/dev/null || {
        echo "with no bug planted a seed of $protocol fails, $replicas replicas, log $log"
        exit 1
      }
    done
  done
done

missed=0
for bug in "${bugs[@]}"; do
  found_within "$bug" || ((++missed))
done
echo "$((${#bugs[@]} - missed)) passed, $missed failed"
((missed == 0))
