# shellcheck shell=bash disable=SC2034,SC2154 # what tests use; what tests/system/lib.sh sets
# A cluster to which things happen: replicas that the test starts itself, by kill -9, pauses and cut
# links, under a load of build/chaos_load. To be sourced after tests/system/lib.sh. What belongs to
# replica ID is in replicas/ID: data and log.
#
# CHAOS_ROUNDS (1) makes a test longer: how often it does what it does. make chaos sets it.

rounds=${CHAOS_ROUNDS:-1}
[[ $rounds =~ ^[1-9][0-9]{0,5}$ ]] || { echo "CHAOS_ROUNDS=$rounds is no number"; exit 2; }
chaos_load=$BUILD/chaos_load
declare -a pid_of_replica=() host_process=() rkvd_options=()
cluster_id=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')

fail() {
  local id ended
  echo "FAILED: $*"
  for id in "${!pid_of_replica[@]}"; do
    ended=''
    if process_ended "${pid_of_replica[id]}"; then
      wait "${pid_of_replica[id]}" 2>/dev/null
      ended=", which ended with status $?"
    fi
    echo "== the end of the log of replica $id$ended"
    tail -n 12 "$test_directory/replicas/$id/log"
  done
  exit 1
}

random_below() {   # number
  echo $((SRANDOM % $1))
}

# A moment of up to so many milliseconds, drawn at random: what happens next is to hit the load
# anywhere.
random_moment() {   # milliseconds
  local moment
  moment=$(random_below "$1")
  sleep "$((moment / 1000)).$(printf %03d $((moment % 1000)))"
}

# ---- replicas -----------------------------------------------------------------------------------

# So many replicas, on 127.0.0.1; nothing is started.
make_replicas() {   # count, rkvd options...
  prepare_cluster "$1"
  rkvd_options=("${@:2}")
  pid_of_replica=()
  servers=$(IFS=,; echo "${address_of_replica[*]:1}")
}

# Runs a command where a replica lives.
at_replica() {   # id, command...
  local id=$1
  shift
  if [[ -n ${host_process[id]:-} ]]; then
    nsenter -t "${host_process[id]}" --net "$@"
  else
    "$@"
  fi
}

# Starts a replica, without waiting; $rkvd_prefix is what it is started with.
launch() {   # id
  local id=$1 create=() enter=()
  mkdir -p "replicas/$id/data"
  [[ -n $(ls -A "replicas/$id/data") ]] || create=(--create --cluster-id "$cluster_id")
  [[ -z ${host_process[id]:-} ]] || enter=(nsenter -t "${host_process[id]}" --net)
  start_process "replicas/$id/log" "${enter[@]}" "${rkvd_prefix[@]}" "$RKVD" --id "$id" \
    --replicas "$test_directory/replicas.conf" --data-dir "$test_directory/replicas/$id/data" \
    "${create[@]}" "${rkvd_options[@]}"
  pid_of_replica[id]=$pid
}
declare -a rkvd_prefix=()

all_ids() {
  seq 1 "$cluster_size"
}

launch_all() {
  local id
  for id in $(all_ids); do launch "$id"; done
  wait_for_cluster
}

# kill -9 of several at once.
kill_replicas() {   # id...
  local id pids=() ended=()
  for id; do
    pids+=("${pid_of_replica[id]}")
    kill -KILL "${pid_of_replica[id]}" 2>/dev/null || ended+=("$id")
  done
  ((${#ended[@]} == 0)) || fail "ended by themselves: replicas ${ended[*]}"
  wait "${pids[@]}" 2>/dev/null
  for id; do forget_process "${pid_of_replica[id]}"; done
}

# A process has ended: its number may become that of another one.
forget_process() {   # pid
  local process left=()
  for process in "${started[@]}"; do
    [[ $process == "$1" ]] || left+=("$process")
  done
  started=("${left[@]}")
}

pause_replica() {   # id
  kill -STOP "${pid_of_replica[$1]}" || fail "replica $1 has ended by itself"
  paused=$1
}

resume_replica() {   # id
  kill -CONT "${pid_of_replica[$1]}" || fail "replica $1 has ended by itself"
  paused=''
}
paused=''   # which one is

# ---- what they say ------------------------------------------------------------------------------

# The status of every replica that is not paused, as objects of JSON, a line each.
statuses() {
  "$RKV" -f <(awk -v paused="$paused" '$1 != paused' "$test_directory/replicas.conf") \
    --timeout 1 -w json status "$@" 2>/dev/null | json_objects
}

# The leader, by what most of those say that answer; nothing if they name none.
leader_of() {   # statuses
  sed -n 's/.*"leader":\([1-9][0-9]*\).*/\1/p' <<<"$1" | sort | uniq -c | sort -rn |
    awk 'NR == 1 { print $2 }'
}

# Whether there is a leader, which says so itself; sets $leader.
has_leader() {
  local all
  all=$(statuses)
  leader=$(leader_of "$all")
  [[ -n $leader ]] &&
    [[ $(json_field "$(grep "^{\"id\":$leader," <<<"$all")" leader) == "$leader" ]]
}

wait_for_leader() {
  wait_until "$deadline" has_leader || fail "there is no leader: $(statuses)"
}

all_take_puts() {
  local id
  for id in $(all_ids); do
    rkv_at "$id" --timeout 2 put probe "$id" >/dev/null 2>&1 || return 1
  done
}

# Waits until every replica takes writes.
wait_for_cluster() {
  wait_until "$deadline" all_take_puts || fail "not every replica takes a write: $(statuses)"
}

# Whether all replicas have the same state at the same position. The reason is in $unequal.
states_are_equal() {
  local object states=()
  while IFS= read -r object; do
    states+=("$(json_field "$object" state_hash_position) $(json_field "$object" state_hash)")
  done < <(statuses --state-hash)
  unequal=$(printf '%s\n' "${states[@]}")
  ((${#states[@]} == cluster_size)) && [[ $unequal =~ ^[0-9]+\ [0-9a-f]{32}$'\n' ]] &&
    (($(sort -u <<<"$unequal" | wc -l) == 1))
}

# All replicas reach the same state, at the same position, when nobody writes any more.
expect_equal_states() {
  wait_until "$deadline" states_are_equal ||
    fail "the states differ, position and hash of each replica:"$'\n'"$unequal"
}

# ---- loads --------------------------------------------------------------------------------------

# Starts chaos_load for a day in a mode, and waits until it has had an answer at every replica.
start_load() {   # mode, options...
  start_process "load.log" "$chaos_load" "$@" --servers "$servers" --seconds 86400
  load=$pid
}

# Ends the load; $output is what it says of itself.
stop_load() {
  kill -TERM "$load" || fail "the load has ended by itself: $(<load.log)"
  wait_for_end "$load"
  forget_process "$load"
  output=$(<load.log)
  rm load.log
  ((ended_with == 0)) || fail "the load ended with status $ended_with: $output"
  echo "  load: ${output%%,\"servers\"*}}"
  (($(json_field "$output" acknowledged) > 0)) || fail "the load got nothing done: $output"
}

# Every acknowledged write of the record is there, whichever replica is asked.
expect_record() {   # file
  expect_status 0 "$chaos_load" verify --servers "$servers" --record "$1" --seconds "$deadline"
  echo "  record: $output"
}

# check_history finds the history linearizable.
expect_linearizable() {   # file
  expect_status 0 "$BUILD/check_history" "$1"
  echo "  history: $output"
}

# ---- hosts and links ----------------------------------------------------------------------------

network=10.78.0   # of this test alone: it is in namespaces

mac_of() {   # host number
  printf '02:00:00:00:00:%02x' "$1"
}

has_own_network() {   # pid
  [[ $(readlink "/proc/$1/ns/net") != "$(readlink /proc/self/ns/net)" ]]
}

# So many replicas, each on a host of its own: a network namespace, joined by a bridge to the others
# and to this one, which is .100. Nothing is started.
make_hosts() {   # count, rkvd options...
  local id
  cluster_size=$1
  rkvd_options=("${@:2}")
  address_of_replica=('')
  ip link set lo up
  ip link add bridge type bridge || fail 'ip link add: is there no bridge in this kernel?'
  ip address add "$network.100/24" dev bridge
  ip link set bridge up
  for id in $(all_ids); do
    start_process "host-$id.log" unshare --net tail -f /dev/null
    host_process[id]=$pid
    wait_until "$deadline" has_own_network "$pid" || fail "host $id has no network"
    ip link add "port-$id" type veth peer name eth0 netns "$pid" || fail 'ip link add'
    ip link set "port-$id" master bridge up
    at_replica "$id" ip link set lo up
    at_replica "$id" ip link set eth0 address "$(mac_of "$id")"
    at_replica "$id" ip address add "$network.$id/24" dev eth0
    at_replica "$id" ip link set eth0 up
    echo "$id $network.$id" >>replicas.conf
    address_of_replica[id]=$network.$id:7411
  done
  servers=$(IFS=,; echo "${address_of_replica[*]:1}")
  heal_all
}

# What a replica sends to another one is lost without a sign: it goes to an address that nobody
# has.
cut_one_way() {   # from, to
  at_replica "$1" ip neighbor replace "$network.$2" lladdr 02:00:00:00:ff:ff dev eth0 \
    nud permanent || fail 'ip neighbor'
}

cut() {   # id, id
  cut_one_way "$1" "$2"
  cut_one_way "$2" "$1"
}

# Cuts all links between two groups, each a list of words.
cut_groups() {   # ids, ids
  local one other
  for one in $1; do
    for other in $2; do cut "$one" "$other"; done
  done
}

heal_all() {
  local id peer
  for id in $(all_ids); do
    for peer in $(all_ids); do
      ((id == peer)) || at_replica "$id" ip neighbor replace "$network.$peer" \
        lladdr "$(mac_of "$peer")" dev eth0 nud permanent || fail 'ip neighbor'
    done
  done
}

# The replicas but for those that are named.
others() {   # ids...
  local id
  for id in $(all_ids); do
    [[ " $* " == *" $id "* ]] || printf '%s ' "$id"
  done
}
