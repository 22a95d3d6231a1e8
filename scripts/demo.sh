#!/bin/bash
# The demo of kv_r.sh: installs what is missing, builds, and shows a cluster of five replicas at
# work, in a temporary directory and with ports of its own. Every command is shown as it is typed.
set -uo pipefail
repository=$(dirname "$(dirname "$(readlink -f "$0")")")
# shellcheck source=scripts/lib.sh
. "$repository/scripts/lib.sh"
directory=''

# As typed, and also where the file has lost its mode, as out of some archives.
kv_r.sh() {
  bash "$repository/scripts/kv_r.sh" "$@"
}

fail() {
  echo >&2
  echo "demo: $1" >&2
  if [[ -d $directory/cluster ]]; then
    kv_r.sh logs >&2
  fi
  exit 1
}

end() {
  local status=$?
  trap '' INT TERM HUP
  if [[ -d $directory/cluster ]]; then
    KV_R_TIMEOUT=5 kv_r.sh stop
  fi
  rm -rf "$directory"
  exit $status
}

say() {
  printf '\n%s\n' "$@"
}

# Shows a command and what it prints; stops the demo if its exit status is another than expected.
show() {   # expected exit status, command...
  local expected=$1 status typed='' word
  shift
  for word; do
    [[ $word != *' '* ]] || word="'$word'"
    typed+=" $word"
  done
  say "\$$typed"
  "$@" 2>&1
  status=$?
  ((status == expected)) || fail "exit status $status instead of $expected of:$typed"
  ((status == 0)) || echo "(exit status $status)"
}

# The fields of this name in what the replicas say, those that do not answer left out.
fields() {   # name, arguments of rkv...
  local name=$1
  shift
  rkv -w json "$@" 2>/dev/null | sed -nE "s/^ *\"$name\": \"?([^\",]*)\"?,?\$/\1/p"
}

has_no_leader() {
  [[ $(fields leader status | head -n 1) == null ]]
}

states_are_equal() {
  [[ $(fields state_hash status --state-hash | sort | uniq -c) =~ ^\ *5\ [0-9a-f]{32}$ ]]
}

[[ -r /proc/self/cmdline ]] || fail 'this needs /proc: mount -t proc proc /proc'
sh "$repository/scripts/deps.sh" build || exit 1
echo "Building in $repository; the first time takes some minutes."
make --silent -C "$repository" "-j$(nproc)" || fail 'make failed'

directory=$(mktemp -d "${TMPDIR:-/tmp}/rkv-demo.XXXXXX") || exit 1
trap end EXIT
trap 'exit 1' INT TERM HUP

# What the user has set is for another cluster.
unset "${!RKV_@}" "${!RKVD_@}" "${!KV_R_@}" RKV RKVD
export PATH="$repository/scripts:$repository/build:$PATH"
export RKV_REPLICAS="$directory/replicas.conf" KV_R_DIR="$directory/cluster"

mapfile -t ports < <(free_ports 10)
write_replicas_file "$RKV_REPLICAS" 5 "${ports[@]}"
first=127.0.0.1:${ports[0]} second=127.0.0.1:${ports[1]}

say 'Five replicas on this machine, in a directory that is removed in the end.'
say "\$ export PATH=$repository/scripts:$repository/build:\$PATH"
say "\$ export RKV_REPLICAS=$RKV_REPLICAS KV_R_DIR=$KV_R_DIR"
show 0 cat "$RKV_REPLICAS"
show 0 kv_r.sh start
show 0 kv_r.sh status

say 'What is put at one replica is there at every other.'
show 0 rkv -s "$first" put greeting hello
for id in 2 3 4 5; do
  address=127.0.0.1:${ports[id - 1]}
  show 0 rkv -s "$address" get greeting
  value=$(rkv -s "$address" get greeting)
  [[ $value == hello ]] || fail "replica $id has '$value' instead of 'hello'"
done
show 0 rkv status --state-hash

say 'Two of the five are killed. The other three are a majority: reads and writes go on.'
show 0 kv_r.sh kill 4
show 0 kv_r.sh kill 5
show 3 kv_r.sh status
show 0 rkv -s "$first" put greeting 'good morning'
show 0 rkv -s "$second" get greeting

say 'A third is killed. Two cannot know what the others have, so nothing is done, and they say why.'
show 0 kv_r.sh kill 3
wait_until 10 has_no_leader || fail 'replica 1 has a leader although three of five are dead'
show 3 rkv -s "$first" put greeting 'good night'

say 'They come back, and learn what they have missed.'
for id in 3 4 5; do
  show 0 kv_r.sh restart "$id"
done
show 0 rkv -s "127.0.0.1:${ports[4]}" get greeting
wait_until 10 states_are_equal || fail 'the replicas do not come to the same state'
show 0 rkv status --state-hash
show 0 kv_r.sh stop
say 'That was the demo. Next: readme.txt'
