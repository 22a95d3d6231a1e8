#!/bin/bash
# kv_r.sh: starts and drives the replicas of an rkv cluster on this host. See --help.

[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"   # for: sh kv_r.sh
set +o posix
set -uo pipefail
# Its questions of rkv may have answers that are too long for UDP.
unset RKV_TRANSPORT

usage() {
  cat <<'END'
usage: kv_r.sh [-f REPLICAS.CONF] [-d DIR] COMMAND

  start [OPTION...]  start the replicas of the file that live on this host, each with these
                     options for rkvd, and wait until all answer. Creates the cluster when none
                     has data yet. Those that run already are left as they are.
  stop               stop them (SIGTERM, then SIGKILL for one that does not end in time)
  status             list id, pid, address and state: running, paused, stopped, dead (ended
                     without stop), elsewhere. Exit status 0: all on this host run, 3: not all do
  kill ID            kill -9
  restart ID         stop the replica if it runs, and start it with the options it had
  pause ID           hold the replica (SIGSTOP)
  resume ID          let it go on
  logs [ID]          the log of one replica, or the ends of all
  clean              remove all data and logs; refused while a replica runs
  demo               install what is missing, build, and show a cluster of five at work in a
                     temporary directory, with ports of its own

  -f FILE   the replicas; without it $RKV_REPLICAS, the file of the last start in DIR, or the
            replicas.conf that came with rkv
  -d DIR    where data, logs and pid files are kept; without it $KV_R_DIR, or
            ${XDG_STATE_HOME:-~/.local/state}/rkv

  $KV_R_TIMEOUT is how many seconds start, stop and restart wait for a replica (20). $RKVD and
  $RKV name the programs; without them they are looked for in build/, then beside kv_r.sh, then
  in $PATH. A cluster on several hosts is created by running start on each of them with the same
  --cluster-id.

  Exit status: 0 done, 1 failed, 2 wrong usage, 3 see status.
END
}

fail() {
  echo "kv_r.sh: $1" >&2
  exit "${2:-1}"
}

usage_error() {
  fail "$1; see kv_r.sh --help" 2
}

# ---- small helpers -----------------------------------------------------------------------------

pause_briefly() {
  read -rt 0.05 <> <(:) || :
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

find_programs() {
  local here name path
  here=$(cd "$(dirname "$(readlink -f "$0")")" && pwd)
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
  local candidate here
  here=$(dirname "$(readlink -f "$0")")
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

need_local_id() {
  (($# == 1)) || usage_error "$command takes the id of one replica"
  [[ -n ${host_of[$1]:-} ]] || fail "there is no replica $1 in $replicas_file" 2
  [[ " ${local_ids[*]} " == *" $1 "* ]] || fail "replica $1 lives on ${host_of[$1]}, not here" 2
  [[ -d $dir/$1 ]] || fail "replica $1 was never started in $dir; see start"
}

# ---- processes ---------------------------------------------------------------------------------
# Below $dir: ID/data belongs to rkvd, ID/log is what it said, ID/pid is there from its start to its
# stop, ID/options are those of its start. cluster-id is there from the cluster's creation, and
# to-create-ID from then until that replica has answered for the first time.

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

answers_or_ended() {
  answers "$1" || ! runs "$1"
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
    "${options[@]}" </dev/null >>"$dir/$id/log" 2>&1 9>&- &
  disown
  echo $! >"$dir/$id/pid"
  # The process is rkvd only from when setsid has become it.
  wait_until 5 launched "$id" $! || :
}

launched() {
  runs "$1" || ! kill -0 "$2" 2>/dev/null
}

# Waits until the replicas answer; says which do not, and why. If all do, they have a moment more to
# find one another, so that writes are taken from then on.
wait_for_answers() {
  local id end=$((SECONDS + timeout)) left status=0
  for id; do
    left=$((end - SECONDS))
    wait_until "$((left > 0 ? left : 0))" answers_or_ended "$id"
    if ! runs "$id"; then
      echo "kv_r.sh: replica $id ended: $(last_log_line "$id")" >&2
      status=1
    elif ! answers "$id"; then
      echo "kv_r.sh: replica $id does not answer at $(address_of "$id") after $timeout s:" \
        "$(last_log_line "$id")" >&2
      status=1
    else
      rm -f "$dir/to-create-$id"
    fi
  done
  ((status == 0)) && wait_until 5 all_connected
  return $status
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

# ---- commands ----------------------------------------------------------------------------------

# Creates the cluster, on paper, when none of its replicas has data: names it, and notes that each
# replica is to be created. A replica that has lost its data must not come back blank.
create_cluster() {
  local id with=() without=() given=$1
  for id in "${local_ids[@]}"; do
    if has_data "$id"; then
      with+=("$id")
    elif [[ ! -e $dir/to-create-$id ]]; then
      without+=("$id")
    fi
  done
  if ((${#without[@]} == 0)); then
    return   # all there, or the rest is what an earlier start did not get to
  fi
  if ((${#without[@]} < ${#local_ids[@]})); then
    fail "replica ${without[0]} has no data in $dir/${without[0]}/data, but others have: a blank \
replica must not join a cluster that exists. Bring its data back, or remove all with clean"
  fi
  if ((${#local_ids[@]} < ${#ids[@]})); then
    [[ ! -f $dir/cluster-id ]] ||
      fail "all replicas here have lost their data in $dir: bring it back, or remove all with clean"
    [[ -n $given ]] || fail "not all replicas of $replicas_file live here: to create the cluster, \
run start on each host with the same --cluster-id, 32 hexadecimal digits"
  fi
  [[ -n $given ]] || given=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
  echo "$given" >"$dir/cluster-id"
  for id in "${local_ids[@]}"; do
    : >"$dir/to-create-$id"
  done
}

command_start() {
  local id cluster_id='' options=() to_start=()
  while (($# > 0)); do
    case $1 in
      --cluster-id) cluster_id=${2:-} && shift ;;
      --cluster-id=*) cluster_id=${1#*=} ;;
      --create) ;;
      --id | --id=* | --replicas | --replicas=* | --data-dir | --data-dir=*)
        usage_error "${1%%=*} is for kv_r.sh to give to each replica" ;;
      --listen | --listen=* | --peer-listen | --peer-listen=*)
        ((${#local_ids[@]} == 1)) || usage_error "${1%%=*} cannot be the same for all replicas"
        options+=("$1") ;;
      *) options+=("$1") ;;
    esac
    (($# == 0)) || shift
  done
  ((${#local_ids[@]} > 0)) || fail "none of the replicas in $replicas_file lives on this host"
  create_cluster "$cluster_id"
  echo "$replicas_file" >"$dir/replicas-file"
  for id in "${local_ids[@]}"; do
    if ! runs "$id"; then
      mkdir -p "$dir/$id" || fail "cannot make $dir/$id"
      : >"$dir/$id/options"
      ((${#options[@]} == 0)) || printf '%s\0' "${options[@]}" >"$dir/$id/options"
      launch "$id"
      to_start+=("$id")
    fi
  done
  wait_for_answers "${local_ids[@]}" || exit 1
  if ((${#to_start[@]} > 0)); then
    echo "started: ${to_start[*]}"
  else
    echo 'all replicas run already'
  fi
}

command_stop() {
  (($# == 0)) || usage_error 'stop takes no arguments'
  stop_replicas "${local_ids[@]}"
}

command_status() {
  local id pid state status=0
  (($# == 0)) || usage_error 'status takes no arguments'
  printf '%-4s %-8s %-24s %s\n' id pid address state
  for id in "${ids[@]}"; do
    pid=- state=elsewhere
    if [[ " ${local_ids[*]} " == *" $id "* ]]; then
      pid=$(pid_of "$id") || pid=-
      state=$(state_of "$id")
      [[ $state == running ]] || status=3
    fi
    printf '%-4s %-8s %-24s %s\n' "$id" "$pid" "$(address_of "$id")" "$state"
  done
  return $status
}

command_kill() {
  need_local_id "$@"
  signal KILL "$1"
  wait_until "$timeout" is_gone "$1" || fail "replica $1 is still there $timeout s after SIGKILL"
}

command_restart() {
  need_local_id "$@"
  [[ -e $dir/to-create-$1 ]] || has_data "$1" || fail "replica $1 has lost its data, $dir/$1/data"
  stop_replicas "$1"
  launch "$1"
  wait_for_answers "$1"
}

command_pause() {
  need_local_id "$@"
  signal STOP "$1"
  wait_until "$timeout" is_paused "$1" || fail "replica $1 is not paused after $timeout s"
}

command_resume() {
  need_local_id "$@"
  signal CONT "$1"
  wait_until "$timeout" is_not_paused "$1" || fail "replica $1 is still paused after $timeout s"
}

command_logs() {
  local id
  if (($# > 0)); then
    need_local_id "$@"
    cat "$dir/$1/log"
    return
  fi
  for id in "${local_ids[@]}"; do
    if [[ -f $dir/$id/log ]]; then
      echo "== replica $id: the end of $dir/$id/log"
      tail -n 20 "$dir/$id/log"
    fi
  done
}

command_clean() {
  local id
  (($# == 0)) || usage_error 'clean takes no arguments'
  for id in "${local_ids[@]}"; do
    is_gone "$id" || fail "replica $id runs; stop it first"
  done
  [[ -f $dir/cluster-id ]] || return 0   # nothing of kv_r.sh's is here
  for id in "${local_ids[@]}"; do
    rm -rf -- "${dir:?}/$id" "$dir/to-create-$id" || exit 1
  done
  rm -f "$dir/cluster-id" "$dir/replicas-file" "$dir/lock"
  rmdir --ignore-fail-on-non-empty "$dir"
}

command_demo() {
  local here
  (($# == 0)) || usage_error 'demo takes no arguments'
  here=$(dirname "$(readlink -f "$0")")
  [[ -f $here/demo.sh && -f $here/../kv.x ]] ||
    fail 'the demo builds rkv first: run scripts/kv_r.sh in the source tree'
  exec bash "$here/demo.sh"
}

# ---- main --------------------------------------------------------------------------------------

rkvd='' rkv='' replicas_file=''
dir=${KV_R_DIR:-}
timeout=${KV_R_TIMEOUT:-20}
[[ $timeout =~ ^[1-9][0-9]{0,5}$ ]] ||
  usage_error "KV_R_TIMEOUT=$timeout is not a number of seconds"

while (($# > 0)); do
  case $1 in
    -f | -d)
      (($# > 1)) || usage_error "$1 takes a value"
      if [[ $1 == -f ]]; then replicas_file=$2; else dir=$2; fi
      shift 2 ;;
    -h | --help) usage; exit 0 ;;
    -*) usage_error "there is no option $1" ;;
    *) break ;;
  esac
done
(($# > 0)) || usage_error 'there is no command'
command=$1
shift

case $command in
  help) usage; exit 0 ;;
  demo) command_demo "$@" ;;
  start | stop | status | kill | restart | pause | resume | logs | clean) ;;
  *) usage_error "there is no command $command" ;;
esac

if [[ -z $dir ]]; then
  [[ -n ${XDG_STATE_HOME:-}${HOME:-} ]] || fail 'where is the data? Give a directory with -d' 2
  dir=${XDG_STATE_HOME:-$HOME/.local/state}/rkv
fi
find_programs
find_replicas_file
read_replicas_file
if [[ $command == start ]]; then
  mkdir -p "$dir" || fail "cannot make $dir"
fi
dir=$(readlink -m "$dir")
if [[ -d $dir && $command != status && $command != logs ]]; then
  # One at a time for a directory.
  exec 9>"$dir/lock" || fail "cannot write in $dir"
  flock -w "$((timeout * 3))" 9 || fail "another kv_r.sh is at work in $dir"
fi
"command_$command" "$@"
