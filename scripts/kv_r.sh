#!/bin/bash
# kv_r.sh: starts and drives the replicas of an rkv cluster, those on this host or, over ssh, all.
# See --help. It sources kv_r_host.sh for what concerns one host, and kv_r_ssh.sh for the others.

[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"   # for: sh kv_r.sh
set +o posix
set -uo pipefail
# Its questions of rkv may have answers that are too long for UDP.
unset RKV_TRANSPORT

usage() {
  cat <<'END'
usage: kv_r.sh [-f REPLICAS.CONF] [-d DIR] [--ssh] COMMAND

  start [OPTION...]  start the replicas of the file that live on this host, each with these
                     options for rkvd (--replication 2pc, --election-ms 300 ...), and wait until
                     all answer and, if they are a majority, serve; under 2pc, until all see one
                     another. Creates the cluster when none has data yet. Those that run already
                     are left as they are.
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

  --ssh     the command is for the replicas on all hosts of the file, see below; without it,
            $KV_R_SSH=1

  $KV_R_TIMEOUT is how many seconds start, stop and restart wait for a replica (20). $RKVD and
  $RKV name the programs; without them they are looked for in build/, then beside kv_r.sh, then
  in $PATH. Without --ssh, a cluster on several hosts is created by running start on each of them
  with the same --cluster-id.

With --ssh, kv_r.sh runs itself on every other host of the file, by ssh to the name or address that
the file has, on all at once. rkv is installed there already. What a host says has "HOST: " before
each line; status is one table of all. A host that cannot be reached is said in one line, with
"unreachable" in the table, and the others go on; only to create the cluster all are needed. The
cluster's id is drawn once for all.

  $KV_R_SSH_COMMAND  with its options, quoted as for a shell (ssh -o BatchMode=yes
                     -o ConnectTimeout=10 -o ServerAliveInterval=5 -o ServerAliveCountMax=3);
                     users, ports and keys of hosts are for ~/.ssh/config
  $KV_R_REMOTE       kv_r.sh on the other hosts; without it, the same path as here
  $KV_R_REMOTE_DIR   DIR on the other hosts; without it as here if DIR is given here, else what
                     kv_r.sh takes there. The file goes along with each command; start puts it
                     at DIR/sent-replicas.conf there. While replicas run there with another
                     one, or for another command than start, a difference is refused

  $KV_R_TIMEOUT, $RKVD, $RKV and the options in $RKVD_... hold on the other hosts too.

Exit status: 0 done, 1 failed, 2 wrong usage, 3 see status; with --ssh, 1 when a host could not be
reached or failed, else 2 or 3 when one of them says so.
END
}

fail() {
  echo "kv_r.sh: $1" >&2
  exit "${2:-1}"
}

usage_error() {
  fail "$1; see kv_r.sh --help" 2
}

# The other files are beside this one, or where make install puts them.
here=$(dirname "$(readlink -f "$0")")
parts=$here
[[ -f $parts/kv_r_host.sh ]] || parts=$here/../share/rkv
[[ -r $parts/kv_r_host.sh && -r $parts/kv_r_ssh.sh ]] ||
  fail "kv_r_host.sh and kv_r_ssh.sh are neither in $here nor in $parts: install rkv again"
# shellcheck source=scripts/kv_r_host.sh
. "$parts/kv_r_host.sh"
# shellcheck source=scripts/kv_r_ssh.sh
. "$parts/kv_r_ssh.sh"

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
  note_creation "${given:-$(draw_cluster_id)}"
}

# Sets $cluster_id and $rkvd_options from the arguments of start.
parse_start_options() {   # how many replicas get them, argument...
  local count=$1
  shift
  cluster_id='' rkvd_options=()
  while (($# > 0)); do
    case $1 in
      --cluster-id) cluster_id=${2:-} && shift ;;
      --cluster-id=*) cluster_id=${1#*=} ;;
      --create) ;;
      --id | --id=* | --replicas | --replicas=* | --data-dir | --data-dir=*)
        usage_error "${1%%=*} is for kv_r.sh to give to each replica" ;;
      --listen | --listen=* | --peer-listen | --peer-listen=*)
        ((count == 1)) || usage_error "${1%%=*} cannot be the same for all replicas"
        rkvd_options+=("$1") ;;
      *) rkvd_options+=("$1") ;;
    esac
    (($# == 0)) || shift
  done
}

command_start() {
  local id to_start=()
  parse_start_options "${#local_ids[@]}" "$@"
  ((${#local_ids[@]} > 0)) || fail "none of the replicas in $replicas_file lives on this host"
  create_cluster "$cluster_id"
  echo "$replicas_file" >"$dir/replicas-file"
  for id in "${local_ids[@]}"; do
    if ! runs "$id"; then
      mkdir -p "$dir/$id" || fail "cannot make $dir/$id"
      : >"$dir/$id/options"
      ((${#rkvd_options[@]} == 0)) || printf '%s\0' "${rkvd_options[@]}" >"$dir/$id/options"
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
  local id files
  (($# == 0)) || usage_error 'clean takes no arguments'
  for id in "${local_ids[@]}"; do
    is_gone "$id" || fail "replica $id runs; stop it first"
  done
  # Is there anything of kv_r.sh's here?
  [[ -f $dir/cluster-id || -f $dir/sent-replicas.conf ]] || return 0
  for id in "${local_ids[@]}"; do
    rm -rf -- "${dir:?}/$id" "$dir/to-create-$id" || exit 1
  done
  files=(cluster-id replicas-file sent-replicas.conf lock)
  rm -f "${files[@]/#/"$dir/"}"
  rmdir --ignore-fail-on-non-empty "$dir"
}

command_demo() {
  (($# == 0)) || usage_error 'demo takes no arguments'
  [[ -f $here/demo.sh && -f $here/../kv.x ]] ||
    fail 'the demo builds rkv first: run scripts/kv_r.sh in the source tree'
  exec bash "$here/demo.sh"
}

# ---- main --------------------------------------------------------------------------------------

rkvd='' rkv='' replicas_file='' sent_replicas='' gone=''
dir=${KV_R_DIR:-}
over_ssh=${KV_R_SSH:-0}
timeout=${KV_R_TIMEOUT:-20}
[[ $timeout =~ ^[1-9][0-9]{0,5}$ ]] ||
  usage_error "KV_R_TIMEOUT=$timeout is not a number of seconds"
[[ $over_ssh == [01] ]] || usage_error "KV_R_SSH=$over_ssh is neither 1 nor 0"

while (($# > 0)); do
  case $1 in
    -f | -d | --sent-replicas)
      (($# > 1)) || usage_error "$1 takes a value"
      case $1 in
        -f) replicas_file=$2 ;;
        -d) dir=$2 ;;
        *) sent_replicas=$2 ;;   # from kv_r.sh --ssh on another host
      esac
      shift 2 ;;
    --ssh) over_ssh=1; shift ;;
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
  demo) ((over_ssh == 0)) || usage_error 'demo is for this host alone'
    command_demo "$@" ;;
  start | stop | status | kill | restart | pause | resume | logs | clean) ;;
  survey | prepare)   # steps of start --ssh
    [[ -n ${KV_R_STEP:-} ]] || usage_error "there is no command $command" ;;
  *) usage_error "there is no command $command" ;;
esac

dir_as_given=$dir
if [[ -z $dir ]]; then
  [[ -n ${XDG_STATE_HOME:-}${HOME:-} ]] || fail 'where is the data? Give a directory with -d' 2
  dir=${XDG_STATE_HOME:-$HOME/.local/state}/rkv
fi
if ((over_ssh)); then
  find_replicas_file
  read_replicas_file
  drive_hosts "$command" "$@"
  exit "$worst"
fi

[[ -z $sent_replicas ]] || end_with_ssh
find_programs
if [[ $command == start || $command == prepare ]]; then
  mkdir -p "$dir" || fail "cannot make $dir"
fi
dir=$(readlink -m "$dir")
if [[ -d $dir && $command != status && $command != logs ]]; then
  # One at a time for a directory.
  exec 9>"$dir/lock" || fail "cannot write in $dir"
  wait_until "$((timeout * 3))" flock -n 9 || fail "another kv_r.sh is at work in $dir"
fi
if [[ -n $sent_replicas ]]; then
  take_sent_replicas
else
  find_replicas_file
fi
read_replicas_file
[[ -z $sent_replicas ]] || ((${#local_ids[@]} > 0)) ||
  fail "none of the replicas of the file has an address of this host, $(hostname)"
"command_$command" "$@"
