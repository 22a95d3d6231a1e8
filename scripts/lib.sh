# shellcheck shell=bash
# What the demo and the tests share; for bash, to be sourced.

# By a program: bash's own ways to wait need a process substitution, at whose end bash 5.2 was seen
# to wait forever.
pause_briefly() {
  sleep 0.05
}

# Runs a command again and again until it succeeds, or the deadline (in seconds) has passed.
wait_until() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS < end)) || return 1
    pause_briefly
  done
}

# Prints so many ports that nobody uses now, below those that the system gives to clients.
free_ports() {
  local count=$1 port used
  used=$(sed -n 's/^ *[0-9]*: [0-9A-F]*:\([0-9A-F]*\) .*/\1/p' /proc/net/tcp /proc/net/tcp6 \
    2>/dev/null)
  port=$((20000 + RANDOM % 8000))
  while ((count > 0)); do
    ((++port))
    if ! grep -q "^$(printf %04X $port)\$" <<<"$used"; then
      echo $port
      ((--count))
    fi
  done
}

# Writes a replicas file: so many replicas on this machine, with the first ports for clients and
# the others for one another.
write_replicas_file() {   # file, count, ports...
  local file=$1 count=$2 id
  shift 2
  for ((id = 1; id <= count; ++id)); do
    echo "$id 127.0.0.1 ${*:id:1} ${*:count + id:1}"
  done >"$file"
}
