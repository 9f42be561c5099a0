#!/bin/sh
# `systemd.sh FOLDER UNIT`: systemd as PID 1, with the units of FOLDER/units, of which it starts UNIT. Nothing of the host is
# within its reach: processes, cgroups, network and names are its own, of the file system it may write FOLDER alone, whose
# `lib` is its /var/lib, and it sees none of the host's units and generators. FOLDER/systemd.pid appears once `nsenter -at PID systemctl` is answered.
# TERM stops the unit, and then ends all. Needs root.
set -eu
folder=$1 unit=$2
groups=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
if [ "$(id -u)" != 0 ] || [ -z "$groups" ]; then
  echo "systemd.sh: systemd as PID 1 needs root and a cgroup2 file system" >&2
  exit 1
fi

for target in sysinit basic shutdown multi-user boot; do
  printf '[Unit]\nDefaultDependencies=no\nAllowIsolate=yes\n' >"$folder/units/$target.target"
done
printf 'Wants=%s\n' "$unit" >>"$folder/units/boot.target"

group=$groups/bootcheck-$$
mkdir "$group"
# shellcheck disable=SC2016
inside='
  echo 0 >"$2/cgroup.procs"
  exec setpriv --pdeathsig KILL unshare --pid --fork --kill-child --mount --cgroup --uts --ipc --net sh -ec '\''
    folder=$1
    mount --make-rprivate /
    umount -R /sys/fs/cgroup
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
    mount --bind "$folder" "$folder"
    mount --bind "$folder/lib" /var/lib
    mount -o remount,bind,ro /
    mount -t proc proc /proc
    mount --bind -o ro /proc/sys /proc/sys
    mount -t tmpfs tmpfs /run
    mkdir -p /run/dev /run/systemd /run/none
    mknod -m 666 /run/dev/null c 1 3
    mknod -m 666 /run/dev/zero c 1 5
    mknod -m 666 /run/dev/urandom c 1 9
    mknod -m 666 /run/dev/random c 1 8
    mount --bind /run/dev /dev
    exec env -i container=bootcheck SYSTEMD_UNIT_PATH="$folder/units" SYSTEMD_GENERATOR_PATH=/run/none \
      SYSTEMD_ENVIRONMENT_GENERATOR_PATH=/run/none \
      /lib/systemd/systemd --system --unit=boot.target --log-target=null --show-status=no
  '\'' sh "$1"'
sh -ec "$inside" sh "$folder" "$group" &
outer=$!

init() { cat "/proc/$outer/task/$outer/children" 2>/dev/null | tr -d ' '; }
ended() {
  trap '' TERM INT
  pid=$(init)
  [ -z "$pid" ] || timeout 20 nsenter -a -t "$pid" systemctl stop "$unit" || true
  kill -KILL "$outer" 2>/dev/null || true
  wait "$outer" 2>/dev/null || true
  # The kernel ends what was in the namespace one by one.
  for _ in $(seq 500); do
    find "$group" -depth -type d -exec rmdir {} + 2>/dev/null && break
    sleep 0.01
  done
  rm -f "$folder/systemd.pid"
}
trap 'ended; exit 0' TERM INT

for _ in $(seq 500); do
  pid=$(init)
  # `is-system-running` says "starting" or "degraded" by a non-zero code.
  if [ -n "$pid" ] && nsenter -a -t "$pid" systemctl show --property=Version >/dev/null 2>&1; then
    echo "$pid" >"$folder/systemd.pid"
    break
  fi
  kill -0 "$outer" 2>/dev/null || break
  sleep 0.01
done
wait "$outer" || true
ended
echo "systemd.sh: systemd ended by itself" >&2
exit 1
