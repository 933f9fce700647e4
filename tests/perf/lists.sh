#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Run by scripts/bench in namespaces of its own, where it is process 1: fills each side with the same containers, then times its lists.
set -euo pipefail
. "$here/tests/perf/peers.sh"
bin=$here/build/release/bin
mkdir -p "$work/logs"
mount -t tmpfs tmpfs /run
mkdir -p /run/lock
if [ -d /sys/fs/cgroup/unified ]; then umount /sys/fs/cgroup/unified; fi
ip link set lo up
ulimit -n "$(ulimit -H -n)"
echo 1 >/proc/sys/net/ipv4/ip_forward
make_pause_image "$work/pause.tar"

for hierarchy in /sys/fs/cgroup/*/; do mkdir "$hierarchy$name" 2>/dev/null || true; done
for group in /sys/fs/cgroup/cpuset/$name; do
  [ -d "$group" ] || continue
  for file in cpuset.cpus cpuset.mems; do cat "$group/../$file" >"$group/$file"; done
done

measure() { # SIDE DAEMON HANDLER PID
  local first
  echo
  echo "$1: $((pods * containers)) containers in $pods pods, $calls calls of each list; bytes, then milliseconds"
  local own=(--socket "/run/$2.sock" --image docker.io/library/busybox:demo --parent "/$name/$2" --logs "$work/logs" --handler "$3")
  "$bin/keelson-list-bench" "${own[@]}" --pods "$pods" --containers "$containers" --calls "$calls"
  # What being asked costs: processor time of the daemon in ten seconds with each list once a second, metrics aside.
  first=$(awk '{print $14 + $15}' "/proc/$4/stat")
  for _ in 1 2 3 4 5 6 7 8 9 10; do "$bin/keelson-list-bench" "${own[@]}" --pods 0 --calls 1 >/dev/null; sleep 1; done
  echo "processor time of the daemon while asked each second: $(($(awk '{print $14 + $15}' "/proc/$4/stat") - first)) ms a second"
  "$bin/keelson-cri-bench" "${own[@]}" --clear
}

if [ -z "$only" ] || [[ ",$only," == *",keelson,"* ]]; then
  start_keelson keelson 10.127.4.0/22
  wait_for_socket=0
  until [ -S /run/keelson.sock ] || [ $((++wait_for_socket)) -gt 200 ]; do sleep 0.1; done
  measure keelson keelson "" "$started"
  kill "$started"; wait "$started" || true
fi
if { [ -z "$only" ] || [[ ",$only," == *",c2-runc,"* ]]; } && [ -x "$peers_dir/containerd" ]; then
  start_containerd c2 2 10.127.12.0/22
  measure "containerd 2.4 and runc" c2 runc "$started"
  kill "$started"; wait "$started" || true
fi
