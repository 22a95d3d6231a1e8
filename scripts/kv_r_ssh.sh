# shellcheck shell=bash disable=SC2154 # variables of kv_r.sh, which sources this
# kv_r.sh --ssh: a command for the replicas on all hosts. It runs kv_r.sh on each of them, over ssh
# (here: without), and puts together what they say.
#
# start has three steps, so that a cluster is created on all hosts or on none, whatever fails when:
#   survey   every host says which replicas have data, and of which cluster
#   prepare  when none has any: every host notes the cluster's new id, and what is to be created
#   start    a host that is not reached now can be started later; it has its note

# ---- here, for all hosts -----------------------------------------------------------------------

default_ssh_command='ssh -o BatchMode=yes -o ConnectTimeout=10 -o ServerAliveInterval=5 '\
'-o ServerAliveCountMax=3'
sent_bytes_max=32768   # of a replicas file: it travels as an argument

declare -a hosts=()
declare -A ids_at=() exit_of=() ssh_process_of=() cluster_at=() content_of=() state_seen=()
this_host='' work='' remote_dir='' worst=0

# Sets $hosts, in the order of the file, and $ids_at. All names of this host count as one.
group_by_host() {
  local id host
  ((${#local_ids[@]} == 0)) || this_host=${host_of[${local_ids[0]}]}
  for id in "${ids[@]}"; do
    host=${host_of[$id]}
    [[ $host != -* && $host != */* ]] || fail "$replicas_file: '$host' is not a host" 2
    [[ " ${local_ids[*]} " != *" $id "* ]] || host=$this_host
    [[ -n ${ids_at[$host]:-} ]] || hosts+=("$host")
    ids_at[$host]+="$id "
  done
}

# The host under which a replica is grouped.
host_at() {   # id
  local host
  for host in "${hosts[@]}"; do
    [[ " ${ids_at[$host]}" != *" $1 "* ]] || echo "$host"
  done
}

# Prints words so that any shell reads them as they are.
quote_words() {
  local word quote="'\\''"
  for word; do
    printf "'%s' " "${word//\'/"$quote"}"
  done
}

# Becomes kv_r.sh on a host, with these arguments. Its stdin there never ends: when it does, ssh is
# gone (see end_with_ssh).
become_kv_r_at() {   # host, argument...
  local host=$1 script name words settings
  shift
  script=$(readlink -f "$0")
  settings=(KV_R_SSH=0 KV_R_STEP=1 "KV_R_TIMEOUT=$timeout")
  if [[ $host == "$this_host" ]]; then
    exec env "${settings[@]}" bash "$script" -f "$replicas_file" -d "$dir" "$@" </dev/null
  fi
  for name in RKVD RKV "${!RKVD_@}"; do
    [[ -z ${!name:-} ]] || settings+=("$name=${!name}")
  done
  words=(env "${settings[@]}" bash "${KV_R_REMOTE:-$script}")
  [[ -z $remote_dir ]] || words+=(-d "$remote_dir")
  words+=(--sent-replicas "$(<"$replicas_file")" "$@")
  exec bash -c "${KV_R_SSH_COMMAND:-$default_ssh_command} \"\$@\"" ssh "$host" \
    "exec $(quote_words "${words[@]}")" <> <(:)
}

note_exit() {   # exit status
  case $1 in
    0) ;;
    2) ((worst == 1)) || worst=2 ;;
    3) ((worst != 0)) || worst=3 ;;
    *) worst=1 ;;
  esac
}

# Runs kv_r.sh on hosts, on all at once. What they say is in $work/HOST.out and .err, the exit
# status in $exit_of.
run_at() {   # hosts, as words; argument...
  local host targets
  read -ra targets <<<"$1"
  shift
  for host in "${targets[@]}"; do
    become_kv_r_at "$host" "$@" >"$work/$host.out" 2>"$work/$host.err" &
    ssh_process_of[$host]=$!
  done
  for host in "${targets[@]}"; do
    wait "${ssh_process_of[$host]}"
    exit_of[$host]=$?
    unset "ssh_process_of[$host]"
    report_errors "$host"
  done
}

prefix_lines() {   # host
  prefix="$1: " awk '{ print ENVIRON["prefix"] $0 }'
}

# Shows what a host said on stderr; one line if it could not be asked.
report_errors() {   # host
  local file=$work/$1.err status=${exit_of[$1]} reason
  note_exit "$status"
  if [[ $1 != "$this_host" && $status == 255 ]]; then
    reason=$(tr -d '\r' <"$file" | grep -v '^[[:space:]]*$' | tail -n 1)
    echo "kv_r.sh: $1 cannot be reached: ${reason:-ssh does not say why}" >&2
  elif [[ $1 != "$this_host" && ($status == 126 || $status == 127) ]]; then
    reason=$(tail -n 1 "$file")
    echo "kv_r.sh: kv_r.sh is not found on $1, set KV_R_REMOTE: $reason" >&2
  else
    prefix_lines "$1" <"$file" >&2
  fi
}

report_output() {   # hosts, as words
  local host
  for host in $1; do
    ((${exit_of[$host]} == 255)) || prefix_lines "$host" <"$work/$host.out"
  done
}

# ---- the commands ------------------------------------------------------------------------------

# Asks all hosts what they have: sets $cluster_at by host, $content_of and $state_seen by replica.
survey() {
  local host word id content state
  run_at "${hosts[*]}" survey
  for host in "${hosts[@]}"; do
    ((${exit_of[$host]} == 0)) || continue
    while read -r word id content state; do
      case $word in
        cluster) cluster_at[$host]=$id ;;
        replica) content_of[$id]=$content state_seen[$id]=$state ;;
      esac
    done <"$work/$host.out"
  done
}

# Prints the id of the cluster that hosts know; fails if they do not know the same.
known_cluster() {
  local host first=''
  for host in "${hosts[@]}"; do
    [[ -n ${cluster_at[$host]:-} ]] || continue
    first=${first:-$host}
    [[ ${cluster_at[$host]} == "${cluster_at[$first]}" ]] ||
      fail "$first has replicas of cluster ${cluster_at[$first]}, and $host of \
${cluster_at[$host]}: those are two clusters"
  done
  [[ -z $first ]] || echo "${cluster_at[$first]}"
}

# Has the cluster noted on all hosts when none of its replicas has data, by what survey found. A
# host that has a note from an earlier start keeps it.
prepare_cluster() {   # the id that was given, or nothing
  local given=$1 known id with='' blank='' silent=''
  known=$(known_cluster) || exit
  [[ -z $given || -z $known || ${given,,} == "${known,,}" ]] ||
    fail "the replicas are of cluster $known, not of $given"
  for id in "${ids[@]}"; do
    case ${content_of[$id]:-} in
      data) with=$id ;;
      lost) fail "replica $id has lost its data on ${host_of[$id]}: a blank replica must not join \
a cluster that exists. Bring its data back, or remove all with clean" ;;
      blank) blank=$id ;;
      '') silent=$id ;;
    esac
  done
  [[ -n $blank ]] || return 0
  [[ -z $with ]] || fail "replica $blank has no data on ${host_of[$blank]}, but replica $with \
has on ${host_of[$with]}: a blank replica must not join a cluster that exists. Bring its data \
back, or remove all with clean"
  [[ -z $silent ]] || fail "the cluster is not created: all hosts are needed for that, and \
${host_of[$silent]} did not answer"
  run_at "${hosts[*]}" prepare "${known:-${given:-$(draw_cluster_id)}}"
  ((worst == 0)) || fail 'nothing is started: the cluster could not be prepared on all hosts'
}

start_at_hosts() {
  local host answered=()
  parse_start_options "${#ids[@]}" "$@"
  [[ -z $cluster_id || $cluster_id =~ ^[0-9a-fA-F]{32}$ ]] ||
    usage_error "--cluster-id $cluster_id is not 32 hexadecimal digits"
  survey
  prepare_cluster "$cluster_id"
  for host in "${hosts[@]}"; do
    ((${exit_of[$host]} != 0)) || answered+=("$host")
  done
  ((${#answered[@]} > 0)) || return
  run_at "${answered[*]}" start "${rkvd_options[@]}"
  report_output "${answered[*]}"
}

# One table, each replica as its own host sees it.
show_status() {
  local id host row state
  run_at "${hosts[*]}" status
  printf '%-4s %-8s %-24s %s\n' id pid address state
  for id in "${ids[@]}"; do
    host=$(host_at "$id")
    row=$(awk -v id="$id" '$1 == id' "$work/$host.out")
    if [[ -z $row || ${exit_of[$host]} != [03] ]]; then
      state=unknown
      ((${exit_of[$host]} != 255)) || state=unreachable
      row=$(printf '%-4s %-8s %-24s %s' "$id" - "$(address_of "$id")" "$state")
    fi
    printf '%s\n' "$row"
  done
}

# Nothing is removed anywhere while a replica runs somewhere.
clean_hosts() {
  local id
  survey
  for id in "${ids[@]}"; do
    [[ ${state_seen[$id]:-} != running && ${state_seen[$id]:-} != paused ]] ||
      fail "replica $id runs on ${host_of[$id]}; stop it first"
  done
  run_at "${hosts[*]}" clean
}

end_hosts() {
  local host
  for host in "${!ssh_process_of[@]}"; do
    kill "${ssh_process_of[$host]}" 2>/dev/null
  done
  rm -rf "$work"
}

# The command of kv_r.sh --ssh. The exit status of all hosts together is in $worst.
drive_hosts() {   # command, argument...
  local command=$1
  shift
  group_by_host
  (($(stat -c %s "$replicas_file") <= sent_bytes_max)) ||
    fail "$replicas_file is longer than $sent_bytes_max bytes" 2
  remote_dir=${KV_R_REMOTE_DIR:-$dir_as_given}
  [[ -n ${KV_R_REMOTE_DIR:-} || -z $remote_dir || $remote_dir == /* ]] || remote_dir=$PWD/$dir
  work=$(mktemp -d) || exit 1
  trap end_hosts EXIT
  trap 'exit 1' INT TERM HUP
  case $command in
    start) start_at_hosts "$@" ;;
    kill | restart | pause | resume | logs)
      if [[ $command == logs && $# == 0 ]]; then
        run_at "${hosts[*]}" logs
        report_output "${hosts[*]}"
      else
        need_replica "$@"
        run_at "$(host_at "$1")" "$command" "$1"
        report_output "$(host_at "$1")"
      fi ;;
    *)
      (($# == 0)) || usage_error "$command takes no arguments"
      case $command in
        status) show_status ;;
        clean) clean_hosts ;;
        *) run_at "${hosts[*]}" "$command" ;;
      esac ;;
  esac
}

# ---- there, for the host that asks -------------------------------------------------------------

# From now on the end of stdin, which ssh holds open, ends kv_r.sh at its next wait: nobody is there
# any more to wait for it. rkvd has a session of its own and stays.
end_with_ssh() {
  exec 8<&0 </dev/null
  trap 'gone=1' TERM
  {
    read -r
    kill -TERM $$
  } <&8 8<&- >/dev/null 2>&1 &
  watcher=$!
  trap 'kill "$watcher" 2>/dev/null; [[ -z ${unsaved:-} ]] || rm -f "$unsaved"' EXIT
}

any_runs_here() {
  local pid_file id
  for pid_file in "$dir"/*/pid; do
    id=${pid_file%/pid}
    ! runs "${id##*/}" || return 0
  done
  return 1
}

# Sets $replicas_file to the file that was sent, which start keeps in $dir.
take_sent_replicas() {
  local kept=$dir/sent-replicas.conf
  unsaved=$(mktemp) || exit 1
  printf '%s\n' "$sent_replicas" >"$unsaved" || exit 1
  replicas_file=$unsaved
  if [[ -f $kept ]] && ! cmp -s "$unsaved" "$kept"; then
    case $command in
      start | prepare | survey)
        ! any_runs_here || fail "replicas run with another replicas file, $kept: stop them with \
that one first" ;;
      *) fail "$kept is another replicas file than the one that was sent: use that one, or replace \
it with start" ;;
    esac
    [[ $command == survey ]] || echo "kv_r.sh: $kept was another one and is replaced" >&2
  fi
  if [[ $command == start || $command == prepare ]]; then
    cp "$unsaved" "$kept.new" && mv "$kept.new" "$kept" || exit 1
  fi
  [[ ! -f $kept || $command == survey ]] || replicas_file=$kept
}

# What start and clean must know of all hosts before they change one of them.
command_survey() {
  local id content
  [[ ! -f $dir/cluster-id ]] || echo "cluster $(<"$dir/cluster-id")"
  for id in "${local_ids[@]}"; do
    if has_data "$id"; then
      content=data
    elif [[ ! -f $dir/cluster-id ]]; then
      content=blank
    elif [[ -e $dir/to-create-$id ]]; then
      content=to-create
    else
      content=lost
    fi
    echo "replica $id $content $(state_of "$id")"
  done
}

command_prepare() {   # cluster id
  local id
  [[ ! -f $dir/cluster-id || $(<"$dir/cluster-id") == "$1" ]] ||
    fail "$dir belongs to cluster $(<"$dir/cluster-id")"
  for id in "${local_ids[@]}"; do
    ! has_data "$id" || fail "replica $id has data in $dir/$id/data"
  done
  note_creation "$1"
}
