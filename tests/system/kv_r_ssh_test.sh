#!/bin/bash
# kv_r.sh --ssh: three hosts, each a network namespace with an sshd and a disk of its own, driven
# from a fourth. All of them are in a namespace for processes, so that nothing outlives the test.
# needs: root unshare nsenter ip sshd ssh ssh-keygen
# timeout: 180
if [[ -z ${KV_R_SSH_TEST_INSIDE:-} ]]; then
  export KV_R_SSH_TEST_INSIDE=1
  exec unshare --net --mount --pid --fork --kill-child --mount-proc bash "$0"
fi
. "$(dirname "$0")/lib.sh"

ssh_port=2222
network=10.77.0   # of this test alone: it is in namespaces
disk=$test_directory/disk
state="$disk/it's the \$state"   # kv_r.sh's DIR, which shells must not read
export KV_R_SSH_COMMAND="ssh -F '$test_directory/the ssh config'"
declare -a host_process=() sshd_process=() disk_of=()

fail() {
  echo "FAILED: $*"
  tail -n 20 "$test_directory"/*.log "$test_directory"/disk-*/*/*/log
  exit 1
}

kv_r_all() {
  bash "$repository/scripts/kv_r.sh" -f "$test_directory/replicas.conf" -d "$state" --ssh "$@"
}

at_host() {   # number, command...
  local number=$1
  shift
  nsenter -t "${host_process[number]}" --net --mount "$@"
}

in_other_namespaces() {   # pid
  [[ $(readlink "/proc/$1/ns/net") != "$(readlink /proc/self/ns/net)" &&
    $(readlink "/proc/$1/ns/mnt") != "$(readlink /proc/self/ns/mnt)" ]]
}

sshd_answers() {   # host number
  { : <"/dev/tcp/$network.$1/$ssh_port"; } 2>/dev/null
}

start_sshd() {   # host number
  start_process "sshd-$1.log" nsenter -t "${host_process[$1]}" --net --mount \
    "$(type -P sshd)" -D -e -f "$test_directory/sshd-$1.conf"
  sshd_process[$1]=$pid
  wait_until "$deadline" sshd_answers "$1" || fail "the sshd of host $1 does not answer"
}

stop_sshd() {   # host number
  kill "${sshd_process[$1]}"
  wait "${sshd_process[$1]}" 2>/dev/null
}

# A host: a network namespace with an address, and a mount namespace with what sshd and kv_r.sh
# write.
make_host() {   # number
  start_process "host-$1.log" unshare --net --mount tail -f /dev/null
  host_process[$1]=$pid
  wait_until "$deadline" in_other_namespaces "$pid" || fail "host $1 has no namespaces"
  ip link add "port-$1" type veth peer name eth0 netns "$pid" || fail 'ip link add'
  ip link set "port-$1" master bridge up
  at_host "$1" ip link set lo up
  at_host "$1" ip address add "$network.$1/24" dev eth0
  at_host "$1" ip link set eth0 up

  disk_of[$1]=$test_directory/disk-$1
  mkdir "${disk_of[$1]}"
  at_host "$1" mount --bind "${disk_of[$1]}" "$disk" || fail 'mount --bind'
  at_host "$1" mount -t tmpfs run /run && at_host "$1" mkdir /run/sshd || fail 'mount /run'
  # sshd lets nobody in whose account is locked, as root's may be here.
  at_host "$1" mount --bind "$test_directory/shadow" /etc/shadow || fail 'mount /etc/shadow'

  ssh-keygen -q -t ed25519 -N '' -f "host-key-$1"
  echo "[$network.$1]:$ssh_port $(<"host-key-$1.pub")" >>known_hosts
  cat >"sshd-$1.conf" <<CONF
Port $ssh_port
HostKey $test_directory/host-key-$1
AuthorizedKeysFile $test_directory/key.pub
AllowUsers root
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
StrictModes no
UsePAM no
PidFile none
CONF
}

state_of() {   # id
  kv_r_all status 2>/dev/null | awk -v id="$1" '$1 == id { print $4 }'
}

pid_of() {   # id
  kv_r_all status 2>/dev/null | awk -v id="$1" '$1 == id { print $2 }'
}

connected() {
  local id
  for id in 1 2 3; do
    "$RKV" -s "$network.$id" put connected "$id" >/dev/null 2>&1 || return 1
  done
}

expect_states() {   # exit status of status, state of replica 1, 2, 3
  expect_status "$1" kv_r_all status
  expect_equal 'the states' "$(awk 'NR > 1 { printf "%s ", $4 }' <<<"$output")" "$2 $3 $4 "
}

# ---- the hosts -----------------------------------------------------------------------------------

ip link set lo up
ip link add bridge type bridge || fail 'ip link add: is there no bridge in this kernel?'
ip address add "$network.10/24" dev bridge
ip link set bridge up
mkdir "$disk"
echo 'root:*:19000:0:99999:7:::' >shadow
ssh-keygen -q -t ed25519 -N '' -f key
cat >'the ssh config' <<CONF
Port $ssh_port
User root
IdentityFile $test_directory/key
IdentityAgent none
UserKnownHostsFile $test_directory/known_hosts
GlobalKnownHostsFile /dev/null
StrictHostKeyChecking yes
BatchMode yes
ConnectTimeout 10
CONF
for number in 1 2 3; do
  make_host "$number"
  echo "$number $network.$number" >>replicas.conf
done
start_sshd 1
start_sshd 2

# ---- the tests -----------------------------------------------------------------------------------

step 'a cluster is created on all hosts or on none'
expect_status 1 kv_r_all start
expect_match 'stderr' "$error" "$network.3 cannot be reached: .*refused"
expect_match 'stderr' "$error" "not created.*$network.3"
[[ -z $(find "$test_directory"/disk-? -name 'cluster-id') ]] || fail 'a host has an id'
start_sshd 3
expect_states 3 stopped stopped stopped

step 'start, with an argument that a shell would read'
config="$test_directory/a \"config\" of \$HOME's; true"
echo 'answer-timeout-ms = 2500' >"$config"
expect_status 0 kv_r_all start --log-level debug --config "$config"
for id in 1 2 3; do
  expect_match 'start' "$output" "$network.$id: started: $id"
done
expect_states 0 running running running
tr '\0' '\n' <"/proc/$(pid_of 2)/cmdline" | grep -qxF "$config" || fail 'the argument is not there'
expect_equal 'the number of clusters' \
  "$(cat "$test_directory"/disk-?/*/cluster-id | sort -u | wc -l)" 1
cmp replicas.conf "${disk_of[3]}/"*/sent-replicas.conf || fail 'the file on host 3 is another'
expect_status 0 kv_r_all start
expect_match 'start' "$output" "$network.2: all replicas run already"

step 'a put through one, a get through another'
wait_until "$deadline" connected || fail 'the replicas do not find one another'
expect_status 0 "$RKV" -s "$network.1" put key value
expect_status 0 "$RKV" -s "$network.3" get key
expect_equal 'the value' "$output" value

step 'kill, restart, pause, resume, logs'
expect_status 0 kv_r_all kill 2
expect_states 3 running dead running
expect_status 1 kv_r_all kill 2
expect_equal 'stderr' "$error" "$network.2: kv_r.sh: replica 2 does not run"
expect_status 0 kv_r_all restart 2
expect_states 0 running running running
expect_status 0 "$RKV" -s "$network.2" get key
expect_status 0 kv_r_all pause 3
expect_states 3 running running paused
expect_status 0 kv_r_all resume 3
expect_states 0 running running running
expect_status 0 kv_r_all logs 1
expect_match 'logs 1' "$output" "^$network.1: .*"
expect_status 0 env KV_R_SSH=1 bash "$repository/scripts/kv_r.sh" -f replicas.conf -d "$state" logs
for id in 1 2 3; do
  expect_match 'logs' "$output" "$network.$id: == replica $id"
done

step 'a host that cannot be reached does not stop the others'
stop_sshd 3
expect_states 1 running running unreachable
expect_one_line 'stderr' "$error"
expect_match 'stderr' "$error" "^kv_r.sh: $network.3 cannot be reached: .*refused"
expect_status 1 kv_r_all kill 3
expect_one_line 'stderr' "$error"
expect_status 0 kv_r_all restart 1
expect_status 1 kv_r_all stop
expect_one_line 'stderr' "$error"
start_sshd 3
expect_states 3 stopped stopped running
expect_status 0 kv_r_all start

step 'a host is not who it was'
cp known_hosts kept
sed "s|^\(\[$network.2\]:$ssh_port\) .*|\1 $(<host-key-1.pub)|" kept >known_hosts
expect_states 1 running unreachable running
mv kept known_hosts

step 'what waits on another host ends with ssh; rkvd does not'
remote_start() {
  local file
  for file in /proc/[0-9]*/cmdline; do
    if [[ $(tr '\0' ' ' <"$file" 2>/dev/null) == bash\ *--sent-replicas*start\  ]]; then
      return 0
    fi
  done
  return 1
}
no_remote_start() { ! remote_start; }
expect_status 0 kv_r_all pause 1
start_process waiting.log env KV_R_TIMEOUT=1000 bash "$repository/scripts/kv_r.sh" \
  -f replicas.conf -d "$state" --ssh start
wait_until "$deadline" remote_start || fail 'start is not under way on host 1'
kill -TERM "$pid"
wait_for_end "$pid"
wait_until "$deadline" no_remote_start || fail 'start still waits on host 1'
expect_states 3 paused running running
expect_status 0 kv_r_all resume 1

step 'another replicas file'
cp replicas.conf kept
echo '# a comment more' >>replicas.conf
expect_states 1 unknown unknown unknown
expect_match 'stderr' "$error" "$network.1: kv_r.sh: .*sent-replicas.conf is another replicas file"
expect_status 1 kv_r_all start
expect_match 'stderr' "$error" 'replicas run with another replicas file'
cp kept replicas.conf
expect_status 0 kv_r_all stop
expect_states 3 stopped stopped stopped
echo '# a comment more' >>replicas.conf
expect_status 0 kv_r_all start
expect_match 'stderr' "$error" "$network.2: .*was another one and is replaced"
expect_status 0 kv_r_all start
[[ -z $error ]] || fail "the second start still replaces: $error"

step 'by an installed kv_r.sh with the parts where make install puts them'
mkdir -p installed/bin installed/share/rkv
cp "$repository/scripts/kv_r.sh" installed/bin
cp "$repository"/scripts/kv_r_{host,ssh}.sh installed/share/rkv
export KV_R_REMOTE=$test_directory/installed/bin/kv_r.sh
expect_states 0 running running running
export KV_R_REMOTE=$test_directory/nowhere/kv_r.sh
expect_states 1 unknown unknown unknown
expect_match 'stderr' "$error" "not found on $network.1, set KV_R_REMOTE"
unset KV_R_REMOTE

step 'from one of the hosts, which needs no ssh for itself'
at_host_1_all() {
  at_host 1 bash "$repository/scripts/kv_r.sh" -f "$test_directory/replicas.conf" -d "$state" \
    --ssh "$@"
}
expect_status 0 at_host_1_all stop
stop_sshd 1
expect_status 0 at_host_1_all start
for id in 1 2 3; do
  expect_match 'start' "$output" "$network.$id: started: $id"
done
expect_status 0 at_host_1_all status
expect_status 0 at_host_1_all kill 1
expect_status 0 at_host_1_all kill 3
expect_status 3 at_host_1_all status
expect_equal 'the states' "$(awk 'NR > 1 { printf "%s ", $4 }' <<<"$output")" 'dead running dead '
start_sshd 1
expect_status 0 kv_r_all start

step 'clean is for all or none; a replica without its data; another cluster'
expect_status 0 kv_r_all kill 1
expect_status 1 kv_r_all clean
expect_one_line 'stderr' "$error"
expect_status 0 kv_r_all stop
[[ -n $(ls "${disk_of[1]}"/*/1/data) ]] || fail 'clean has removed data though a replica ran'
mv "${disk_of[2]}"/*/2/data kept-data
expect_status 1 kv_r_all start
expect_match 'stderr' "$error" 'replica 2 has lost its data'
mv "${disk_of[2]}" lost-disk-2 && mkdir "${disk_of[2]}"
at_host 2 mount --bind "${disk_of[2]}" "$disk"
expect_status 1 kv_r_all start
expect_match 'stderr' "$error" "replica 2 has no data on $network.2, but"
expect_states 3 stopped stopped stopped
at_host 2 bash "$repository/scripts/kv_r.sh" -f "$test_directory/replicas.conf" -d "$state" \
  start --cluster-id 0123456789abcdef0123456789abcdef >/dev/null || fail 'start at host 2'
at_host 2 bash "$repository/scripts/kv_r.sh" -f "$test_directory/replicas.conf" -d "$state" stop
expect_status 1 kv_r_all start
expect_one_line 'stderr' "$error"
expect_match 'stderr' "$error" "of 0123456789abcdef0123456789abcdef: those are two clusters"
expect_states 3 stopped stopped stopped

step 'clean, and a new cluster with the id that is given'
expect_status 0 kv_r_all clean
for number in 1 2 3; do
  [[ -z $(ls -A "${disk_of[number]}") ]] || fail "clean has left $(ls -A "${disk_of[number]}")"
done
expect_status 2 kv_r_all start --cluster-id 12
expect_status 0 kv_r_all start --cluster-id fedcba9876543210fedcba9876543210
expect_equal 'the ids' "$(cat "$test_directory"/disk-?/*/cluster-id | sort -u)" \
  fedcba9876543210fedcba9876543210
expect_status 1 "$RKV" -s "$network.3" get key
expect_status 0 kv_r_all stop
expect_status 0 kv_r_all clean

step 'wrong usage'
for arguments in demo kill 'kill 9' 'status 1' 'survey' 'start --id 4' \
  "start --listen $network.1:1"; do
  # shellcheck disable=SC2086 # its words
  expect_status 2 kv_r_all $arguments
  expect_one_line "stderr of kv_r.sh --ssh $arguments" "$error"
done
expect_status 2 env KV_R_SSH=yes bash "$repository/scripts/kv_r.sh" status
