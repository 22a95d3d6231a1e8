#!/bin/bash
# Five replicas on file systems of their own under writes; the power of all is cut at once: what was
# not synced is gone, also what the page cache would have kept of it. Every acknowledged write is
# there afterwards.
# needs: root unshare mount umount mkfs.ext4 python3
# timeout: 120
[[ -n ${CHAOS_INSIDE:-} ]] || CHAOS_INSIDE=1 exec unshare --mount --pid --fork --kill-child \
  --mount-proc bash "$0"
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../chaos/lib.sh"

cuts=$((rounds * 2))
image_size=512M

make_disk() {   # id
  mkdir -p "replicas/$1/data"
  truncate -s "$image_size" "disk-$1"
  mkfs.ext4 -q "disk-$1" || fail 'mkfs.ext4'
  insert_disk "$1"
  rmdir "replicas/$1/data/lost+found" && sync -f "replicas/$1/data"
}

insert_disk() {   # id
  mount -o loop "disk-$1" "replicas/$1/data" || fail "mount: is there no loop device?"
}

# The file systems take nothing any more and write nothing of what they have, their journal
# included: FS_IOC_SHUTDOWN with FSOP_GOING_FLAGS_NOLOGFLUSH.
cut_power() {
  python3 - replicas/*/data <<'PYTHON'
import fcntl, os, struct, sys
FS_IOC_SHUTDOWN, NOLOGFLUSH = 0x8004587d, 2
disks = [os.open(directory, os.O_RDONLY) for directory in sys.argv[1:]]
for disk in disks:
    fcntl.ioctl(disk, FS_IOC_SHUTDOWN, struct.pack("I", NOLOGFLUSH))
PYTHON
}

# That is what the test rests upon: of two files the one that was synced is there afterwards.
check_that_power_is_cut() {
  local disk=replicas/1/data
  echo synced >"$disk/synced"
  sync "$disk/synced"
  echo lost >"$disk/lost"
  cut_power || fail 'FS_IOC_SHUTDOWN'
  umount "$disk" && insert_disk 1
  expect_equal 'what was synced' "$(<"$disk/synced")" synced
  [[ ! -s $disk/lost ]] || fail 'what was not synced has outlived the cut'
  rm -f "$disk/synced" "$disk/lost"
}

make_replicas 5
for id in $(all_ids); do make_disk "$id"; done
step 'what is not synced is lost'
check_that_power_is_cut
for id in 2 3 4 5; do
  umount "replicas/$id/data" && insert_disk "$id"
done
launch_all

for ((cut = 1; cut <= cuts; ++cut)); do
  step "cut $cut of $cuts"
  start_load record --record record --clients 20 --pause-ms 10
  random_moment 3000
  cut_power || fail 'FS_IOC_SHUTDOWN'
  # Some may have ended by themselves: their disks have failed.
  kill -KILL "${pid_of_replica[@]}" 2>/dev/null
  wait "${pid_of_replica[@]}" 2>/dev/null
  for id in $(all_ids); do forget_process "${pid_of_replica[id]}"; done
  stop_load
  for id in $(all_ids); do
    umount "replicas/$id/data" || fail "umount of disk $id"
    insert_disk "$id"
  done
  launch_all
  expect_equal_states
  expect_record record
done
