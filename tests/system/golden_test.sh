#!/bin/bash
# The golden tests: what rkv prints, word for word, for every command, form and failure. See
# tests/golden/readme.txt; UPDATE=1 writes what is expected anew.
# timeout: 240
# shellcheck disable=SC2154 # variables of lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

golden=$repository/tests/golden
passed=0 failed=0

rkv() {
  "$RKV" "$@"
}

pause() {   # id of a replica
  kv_r pause "$1" >/dev/null || fail "pause $1"
}

resume() {   # id of a replica
  kv_r resume "$1" >/dev/null || fail "resume $1"
}

# Puts the names of tests/golden/readme.txt where runs differ. The width of a table must not: ports
# have five digits, as their names do.
normalized() {
  local id text
  text=$(cat; echo x)
  for ((id = 1; id <= cluster_size; ++id)); do
    text=${text//${address_of_replica[id]}/ADDRESS$id}
    text=${text//${port_of_replica[id]}/PORT$id}
    [[ -z ${peer_port_of_replica[id]:-} ]] || text=${text//${peer_port_of_replica[id]}/PEER$id}
  done
  sed -E -e 's/in [0-9]+\.[0-9]{3} s/in T s/' -e 's/\([0-9]+ keys\/s\)/(R keys\/s)/' \
    -e 's/within [0-9]+ ms/within M ms/g' -e 's/of revision [0-9]+/of revision P/' \
    -e 's/"(created|modified|position|revision)": ?[0-9]+/"\1": P/g' \
    -e 's/"(seconds|keys_per_second)": [0-9.e+-]+/"\1": T/' \
    -e 's/"cluster":"[0-9a-f]+"/"cluster":"CLUSTER"/' \
    -e 's/this one, [0-9a-f]{32}/this one, CLUSTER/' -e 's/\(replica [0-9]+/(replica N/g' \
    -e 's/^(\| [^|]* \| +[0-9]+ \|) +[0-9]+ (\|)/\1 P \2/' -e 's/^\+-[-+]+$/+---+/' \
    -e 's/^(\| [^|]* \| version \|) +modified/\1 modified/' <<<"${text%x}"
}

# Runs a line and writes down what came of it.
run_line() {
  local status
  printf '$ %s\n' "$1"
  (eval "$1") </dev/null >line.stdout 2>line.stderr
  status=$?
  tr -d '\0' <line.stdout
  [[ ! -s line.stdout || $(tail -c 1 line.stdout | od -An -tx1) == ' 0a' ]] ||
    printf '\n\\ no newline at the end\n'
  tr -d '\0' <line.stderr | sed 's/^/! /'
  echo "exit $status"
}

# Of a file of tests/golden: each line that is not quoted goes on to the next.
run_file() {   # without its ending
  local line lines=''
  while IFS= read -r line || [[ -n $line ]]; do
    [[ -n $lines || ($line != '#'* && -n $line) ]] || continue
    lines+=$line
    # A quote that is open makes the next line part of this one.
    if ! bash -nc "$lines" 2>/dev/null; then
      lines+=$'\n'
      continue
    fi
    run_line "$lines"
    lines=''
  done <"$1.cmd"
}

compare() {   # without its ending
  local name=${1#"$golden/"}
  run_file "$1" | normalized >actual
  if [[ ${UPDATE:-} == 1 ]]; then
    cp actual "$1.out" || fail "$name.out cannot be written"
    ((++passed))
  elif diff -u --label "$name.out" --label 'what came' "$1.out" actual; then
    ((++passed))
  else
    ((++failed))
  fi
}

run_folder() {
  local file
  mkdir "files-$1"
  cd "files-$1" || exit 1
  for file in "$golden/$1"/*.cmd; do
    compare "${file%.cmd}"
  done
  cd "$test_directory" || exit 1
}

unset "${!RKV_@}"
export LC_ALL=C.UTF-8
declare -a peer_port_of_replica=()

step 'without a server'
mapfile -t ports < <(free_ports 1)
cluster_size=1 address_of_replica=('' "127.0.0.1:${ports[0]}") port_of_replica=('' "${ports[0]}")
export RKV_SERVERS=${address_of_replica[1]}
# load tries again until its time is over.
RKV_TIMEOUT=0.3 run_folder none

for replication in paxos 2pc forward; do
  step "$replication"
  start_cluster 3 --replication "$replication" --request-timeout-ms 1000
  mapfile -t peer_port_of_replica < <(echo; awk '$1 ~ /^[0-9]+$/ {print $4}' replicas.conf)
  export RKV_SERVERS=${address_of_replica[1]}
  run_folder "$replication"
  kv_r stop >/dev/null || fail 'stop'
  rm -rf "${test_directory:?}/cluster"
done

echo "$passed passed, $failed failed"
((failed == 0))
