#!/bin/bash
# First process of a machine: builds its file system in fresh namespaces, then reaps orphans until it is killed.
# usage: machine-init.sh NAME STATE
#
# Hard rule: nothing of the host is visible afterwards but its programs (/usr, read-only). /etc and /home are the
# sandbox's own and common to its machines; /var stays over restarts of a machine; /tmp and /run do not.
set -e
name=$1 state=$2 dir=$2/machines/$1

# /proc is still the host's, so "self" gives the number the host knows this process by.
read -r stat </proc/self/stat
pid=${stat%% *}
# shellcheck disable=SC2086
set -- ${stat##*) }
identity="$pid ${20}"

hostname "$name"
mount --make-rprivate /
root=$(mktemp -d /tmp/sandbox-root.XXXXXX)
mount -t tmpfs -o mode=755,size=4m "$name" "$root"
rootless=$root
cd "$root"
mkdir usr etc home var root tmp run dev proc sys opt srv mnt host
for link in bin sbin lib lib32 lib64 libx32; do
  [ ! -L "/$link" ] || ln -s "usr/$link" "$link"
done
mount --bind /usr usr && mount -o remount,bind,ro usr
mount --bind "$state/etc" etc
mount --bind "$state/home" home
mount --bind "$dir/var" var
mount --bind "$dir/root" root
if [ -d "$state/gridengine" ]; then mkdir opt/gridengine; mount --bind "$state/gridengine" opt/gridengine; fi
mount -t tmpfs -o mode=1777,size=512m tmp tmp
mount -t tmpfs -o mode=755,size=32m run run
mkdir -p run/lock run/sshd
ln -sfn /run var/run
ln -sfn /run/lock var/lock

mount -t tmpfs -o mode=755,size=1m dev dev
mkdir dev/pts dev/shm
while read -r device major minor; do mknod -m 666 "dev/$device" c "$major" "$minor"; done <<'DEVICES'
null 1 3
zero 1 5
full 1 7
random 1 8
urandom 1 9
tty 5 0
nvidia0 1 3
nvidia1 1 3
nvidia2 1 3
nvidia3 1 3
DEVICES
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts dev/pts
mount -t tmpfs -o mode=1777,size=128m shm dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
for stream in stdin:0 stdout:1 stderr:2; do ln -s "/proc/self/fd/${stream#*:}" "dev/${stream%:*}"; done
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
# slurmd does not start where nothing is mounted here, although nothing in this cluster uses cgroups.
mount -t tmpfs -o mode=755,size=1m none sys/fs/cgroup

pivot_root . host
rmdir "/host$rootless" 2>/dev/null || :
# Written last: whoever sees this file finds a whole machine.
echo "$identity" >"/host$dir/pid.new"
mv "/host$dir/pid.new" "/host$dir/pid"
umount --lazy /host
rmdir /host

exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin bash -c 'trap : TERM INT HUP; while :; do sleep 3600 & wait $!; done'
