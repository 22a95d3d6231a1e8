# shellcheck shell=bash disable=SC2015,SC2154 # SC2154: variables of kv_r.sh, which sources this
# The replicas file, and the replicas of it that live on this host, as processes and as files.

# ---- small helpers -----------------------------------------------------------------------------

pause_briefly() {
  sleep 0.05
}

# Runs a command again and again until it succeeds, or the deadline (in seconds) has passed. Ends
# kv_r.sh if it was asked over ssh and nobody is there any more.
wait_until() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    [[ -z $gone ]] || exit 1
    ((SECONDS < end)) || return 1
    pause_briefly
  done
}

find_programs() {
  local name path
  for name in rkvd rkv; do
    path=${name^^}
    path=${!path:-}
    [[ -n $path ]] || path=$(PATH="$here/../build:$here:$here/../sbin:$PATH" type -P "$name") ||
      fail "there is no $name: run make, or set ${name^^}"
    [[ -x $path ]] || fail "${name^^}=$path is not a program"
    printf -v "$name" %s "$(readlink -f "$path")"
  done
}

# ---- the replicas file -------------------------------------------------------------------------

declare -a ids=() local_ids=()
declare -A host_of=() client_port_of=()

find_replicas_file() {
  local candidate
  if [[ -z $replicas_file ]]; then
    replicas_file=${RKV_REPLICAS:-}
  fi
  if [[ -z $replicas_file && -f $dir/replicas-file ]]; then
    replicas_file=$(<"$dir/replicas-file")
  fi
  for candidate in "$here/../replicas.conf" "$here/../share/doc/rkv/replicas.conf"; do
    [[ -n $replicas_file || ! -f $candidate ]] || replicas_file=$candidate
  done
  [[ -n $replicas_file ]] || fail 'which replicas? Give a file with -f' 2
  [[ -r $replicas_file && ! -d $replicas_file ]] || fail "cannot read $replicas_file" 2
  replicas_file=$(readlink -f "$replicas_file")
}

read_replicas_file() {
  local line where number=0 id host client peer rest port
  while IFS= read -r line || [[ -n $line ]]; do
    ((++number))
    where="$replicas_file:$number"
    read -r id host client peer rest <<<"${line%%#*}"
    [[ -n $id ]] || continue
    [[ $id =~ ^[1-9][0-9]{0,8}$ ]] || fail "$where: '$id' is not an id (a number from 1)" 2
    [[ -z ${host_of[$id]:-} ]] || fail "$where: replica $id is there twice" 2
    [[ -n $host ]] || fail "$where: replica $id has no host" 2
    [[ -z $rest ]] || fail "$where: '$rest' is too much: id host [client-port [peer-port]]" 2
    client=${client:-7411} peer=${peer:-7412}
    for port in "$client" "$peer"; do
      [[ $port =~ ^[1-9][0-9]{0,4}$ ]] && ((port < 65536)) || fail "$where: '$port' is not a port" 2
    done
    ids+=("$id")
    host_of[$id]=$host client_port_of[$id]=$client
    ! is_local "$host" || local_ids+=("$id")
  done <"$replicas_file"
  ((${#ids[@]} > 0)) || fail "$replicas_file: there are no replicas in it" 2
}

# The addresses of this host, one per line, with a space around each.
own_addresses() {
  awk '/\|--/ { address = $2 } /host LOCAL/ { print " " address " " }' /proc/net/fib_trie \
    2>/dev/null
  hostname -I 2>/dev/null | tr ' ' '\n' | sed 's/.*/ & /'
}

is_local_address() {
  case $1 in
    127.* | ::1 | ::ffff:127.*) return 0 ;;
  esac
  [[ -n ${own_list:-} ]] || own_list=$(own_addresses)
  [[ $own_list == *" $1 "* ]]
}

is_local() {
  local address rest
  if [[ $1 == localhost || $1 == "$(hostname)" ]] || is_local_address "$1"; then
    return 0
  fi
  [[ $1 =~ ^[0-9.]+$ || $1 == *:* ]] && return 1
  while read -r address rest; do
    is_local_address "$address" && return 0
  done < <(getent ahosts "$1")
  return 1
}

address_of() {
  if [[ ${host_of[$1]} == *:* ]]; then
    echo "[${host_of[$1]}]:${client_port_of[$1]}"
  else
    echo "${host_of[$1]}:${client_port_of[$1]}"
  fi
}

need_replica() {
  (($# == 1)) || usage_error "$command takes the id of one replica"
  [[ -n ${host_of[$1]:-} ]] || fail "there is no replica $1 in $replicas_file" 2
}

need_local_id() {
  need_replica "$@"
  [[ " ${local_ids[*]} " == *" $1 "* ]] || fail "replica $1 lives on ${host_of[$1]}, not here" 2
  [[ -d $dir/$1 ]] || fail "replica $1 was never started in $dir; see start"
}

# ---- processes ---------------------------------------------------------------------------------
# Below $dir: ID/data belongs to rkvd, ID/log is what it said, ID/pid is there from its start to its
# stop, ID/options are those of its start. cluster-id is there from the cluster's creation, and
# to-create-ID from then until that replica has answered for the first time. sent-replicas.conf is
# the replicas file that kv_r.sh --ssh has sent.

# Prints the pid of a replica if it runs. A pid file can be older than the last boot: the process
# must be rkvd with this replica's data directory.
pid_of() {
  local pid program argument
  [[ -f $dir/$1/pid ]] || return 1
  pid=$(<"$dir/$1/pid")
  [[ $pid =~ ^[0-9]+$ && -d /proc/$pid ]] || return 1
  program=$(readlink "/proc/$pid/exe") || return 1
  program=${program% (deleted)}
  [[ ${program##*/} == rkvd || $program == "$rkvd" ]] || return 1
  while IFS= read -rd '' argument; do
    if [[ $argument == "$dir/$1/data" ]]; then
      echo "$pid"
      return 0
    fi
  done <"/proc/$pid/cmdline"
  return 1
} 2>/dev/null

runs() { pid_of "$1" >/dev/null; }
is_gone() { ! runs "$1"; }

is_paused() {
  local pid
  pid=$(pid_of "$1") && grep -q '^State:[[:space:]]*[Tt]' "/proc/$pid/status" 2>/dev/null
}
is_not_paused() { ! is_paused "$1"; }

signal() {
  local pid
  pid=$(pid_of "$2") || fail "replica $2 does not run"
  kill "-$1" "$pid" || fail "replica $2 (pid $pid) cannot be sent SIG$1"
}

state_of() {
  if is_paused "$1"; then
    echo paused
  elif runs "$1"; then
    echo running
  elif [[ -f $dir/$1/pid ]]; then
    echo dead
  else
    echo stopped
  fi
}

has_data() {
  [[ -d $dir/$1/data && -n $(ls -A "$dir/$1/data") ]]
}

# Whether the replica answers a STATUS call; rkv may ask others too, whose answers do not matter.
answers() {
  local status
  status=$("$rkv" -s "$(address_of "$1")" --timeout 1 -w json status 2>/dev/null | tr -d ' \n')
  [[ $status =~ \{\"id\":$1,\"address\":\"[^\"]*\",\"reachable\":true ]]
}

# Whether no replica says that one of those that run here is down.
all_connected() {
  local id status
  status=$("$rkv" -f "$replicas_file" --timeout 1 -w json status 2>/dev/null | tr -d ' \n')
  for id in "${local_ids[@]}"; do
    if [[ $status == *"{\"id\":$id,\"up\":false"* && $(state_of "$id") == running ]]; then
      return 1
    fi
  done
}

# Whether this replica is of a cluster of 2pc, in which a write needs every replica.
writes_need_all() {
  local status
  status=$("$rkv" -s "$(address_of "$1")" --timeout 1 -w json status 2>/dev/null | tr -d ' \n')
  [[ $status == *'"replication":"2pc"'* ]]
}

# Whether a majority of the cluster runs here, so that it can be served without other hosts.
majority_runs() {
  local id count=0
  for id in "${local_ids[@]}"; do
    [[ $(state_of "$id") != running ]] || ((++count))
  done
  ((count > ${#ids[@]} / 2))
}

# Whether each of these answers a read, found or not found: replicas of paxos need a leader for it.
all_serve() {
  local id
  for id; do
    "$rkv" -s "$(address_of "$id")" --timeout 1 get kv_r.sh >/dev/null 2>&1
    (($? <= 1)) || return 1
  done
}

all_run() {
  local id
  for id; do
    runs "$id" || return 1
  done
}

answers_or_ended() {
  answers "$1" || ! runs "$1"
}

all_serve_or_one_ended() {
  all_serve "$@" || ! all_run "$@"
}

say_ended() {
  echo "kv_r.sh: replica $1 ended: $(last_log_line "$1")" >&2
}

last_log_line() {
  local line
  line=$(tail -n 1 "$dir/$1/log" 2>/dev/null)
  echo "${line:-there is nothing in $dir/$1/log}"
}

# Starts rkvd for a replica with the options in its file; does not wait.
launch() {
  local id=$1 options=()
  mapfile -d '' options <"$dir/$id/options"
  if [[ -e $dir/to-create-$id ]] && ! has_data "$id"; then
    options+=(--create --cluster-id "$(<"$dir/cluster-id")")
  fi
  setsid "$rkvd" --id "$id" --replicas "$replicas_file" --data-dir "$dir/$id/data" \
    "${options[@]}" </dev/null >>"$dir/$id/log" 2>&1 8<&- 9>&- &
  disown
  echo $! >"$dir/$id/pid"
  # The process is rkvd only from when setsid has become it.
  wait_until 5 launched "$id" $! || :
}

launched() {
  runs "$1" || ! kill -0 "$2" 2>/dev/null
}

# Waits until the replicas answer; says which do not, and why. If all do, they have a moment more to
# find one another, or as long as it takes where every write needs all of them; and where a majority
# runs here, time to elect a leader: writes are taken then.
wait_for_answers() {
  local id end=$((SECONDS + timeout)) left status=0
  for id; do
    left=$((end - SECONDS))
    wait_until "$((left > 0 ? left : 0))" answers_or_ended "$id"
    if ! runs "$id"; then
      say_ended "$id"
      status=1
    elif ! answers "$id"; then
      echo "kv_r.sh: replica $id does not answer at $(address_of "$id") after $timeout s:" \
        "$(last_log_line "$id")" >&2
      status=1
    else
      rm -f "$dir/to-create-$id"
    fi
  done
  ((status == 0)) || return 1
  if ! wait_until 5 all_connected && writes_need_all "$1" &&
    ! wait_until "$timeout" all_connected; then
    echo "kv_r.sh: the replicas answer, but do not all reach one another after $timeout s, and" \
      "every write needs all of them; see rkv status" >&2
    return 1
  fi
  if majority_runs && ! wait_until "$timeout" all_serve_or_one_ended "$@"; then
    echo "kv_r.sh: the replicas answer, but have no leader that serves after $timeout s" >&2
    return 1
  fi
  for id; do
    runs "$id" || { say_ended "$id"; status=1; }
  done
  return "$status"
}

stop_replicas() {
  local id running=()
  for id; do
    if runs "$id"; then
      running+=("$id")
      signal TERM "$id"
      kill -CONT "$(<"$dir/$id/pid")" 2>/dev/null
    else
      rm -f "$dir/$id/pid"
    fi
  done
  for id in "${running[@]}"; do
    if ! wait_until "$timeout" is_gone "$id"; then
      echo "kv_r.sh: replica $id did not end within $timeout s of SIGTERM and is killed" >&2
      signal KILL "$id"
      wait_until "$timeout" is_gone "$id" || fail "replica $id cannot be killed"
    fi
    rm -f "$dir/$id/pid"
  done
}


# ---- the creation of a cluster -----------------------------------------------------------------

draw_cluster_id() {
  od -An -N16 -tx1 /dev/urandom | tr -d ' \n'
}

# Notes that the replicas here are to be created in this cluster. The id comes last: with it, the
# note is complete.
note_creation() {   # cluster id
  local id
  for id in "${local_ids[@]}"; do
    : >"$dir/to-create-$id" || exit 1
  done
  echo "$1" >"$dir/cluster-id" || exit 1
}
