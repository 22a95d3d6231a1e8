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

# Whether a put is refused, and the message names replica 3.
put_is_refused() {
  local message
  message=$(rkv -s "$first" put greeting 'good morning' 2>&1)
  (($? == 3)) && [[ $message =~ (^|[^0-9])3([^0-9]|$) ]]
}

put_is_taken() {
  rkv -s "$first" put greeting 'good morning' >/dev/null 2>&1
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
first=127.0.0.1:${ports[0]}

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

say 'One is killed. Reads go on; a write needs all replicas, is refused, and says who is missing.'
show 0 kv_r.sh kill 3
show 3 kv_r.sh status
show 0 rkv -s "$first" get greeting
wait_until 10 put_is_refused || fail 'a put is not refused while replica 3 is dead'
show 3 rkv -s "$first" put greeting 'good morning'

say 'It comes back, and the write is taken.'
show 0 kv_r.sh restart 3
wait_until 10 put_is_taken || fail 'a put is not taken after replica 3 came back'
show 0 rkv -s "$first" put greeting 'good morning'
show 0 rkv -s "127.0.0.1:${ports[2]}" get greeting
show 0 kv_r.sh stop
say 'That was the demo. Next: readme.txt'
