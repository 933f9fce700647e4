#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Run by scripts/bench in namespaces of its own, where it is process 1: starts every side, lets them take turns, prints the table.
# Raw numbers lie in $work/results while it runs.
set -euo pipefail
. "$here/tests/perf/peers.sh"
bin=$here/build/release/bin
results=$work/results
mkdir -p "$results" "$work/logs" "$work/floor"
mount -t tmpfs tmpfs /run
mkdir -p /run/lock
# A hybrid machine's second tree is hidden from every side: crun refuses to start where it has a controller.
if [ -d /sys/fs/cgroup/unified ]; then umount /sys/fs/cgroup/unified; fi
ip link set lo up
ulimit -n "$(ulimit -H -n)"
echo 1 >/proc/sys/net/ipv4/ip_forward
make_pause_image "$work/pause.tar"
mkdir -p "$work/rootfs/bin" && cp /bin/busybox "$work/rootfs/bin/"
ip link add kb-floor type bridge; ip addr add 10.127.0.1/24 dev kb-floor; ip link set kb-floor up

sides=()
wanted() { [ -z "$only" ] || [[ ",$only," == *",$1,"* ]]; }
for side in keelson c16-runc c16-crun c2-runc c2-crun; do
  wanted "$side" || continue
  case $side in
    c16-*) [ -x /usr/bin/containerd ] || { echo "$side is left out: containerd is not installed"; continue; } ;;
    c2-*) [ -x "$containerd2_dir/containerd" ] || continue ;;
  esac
  case $side in *-*) command -v "${side#*-}" >/dev/null || { echo "$side is left out: ${side#*-} is not installed"; continue; } ;; esac
  if [ "$side" = c2-crun ] && ! crun --version | grep -qE 'crun version (1\.(9|[1-9][0-9])|[2-9])'; then
    echo "$side is left out: $(crun --version | head -1) does not take the configuration that containerd 2 writes"; continue
  fi
  sides+=("$side")
done
daemon_of() { echo "${1%-*}"; }
handler_of() { case $1 in *-*) echo "${1#*-}" ;; esac; }
declare -A pid=()
start() { # DAEMON
  case $1 in
    keelson) start_keelson keelson 10.127.4.0/22 ;;
    c16) start_containerd c16 1.6 10.127.8.0/22 ;;
    c2) start_containerd c2 2 10.127.12.0/22 ;;
  esac
  pid[$1]=$started
}
stop() { kill "${pid[$1]}"; wait "${pid[$1]}" || true; unset "pid[$1]"; }
client() { # SIDE OPTION…
  local daemon handler; daemon=$(daemon_of "$1") handler=$(handler_of "$1"); shift
  "$bin/keelson-cri-bench" --socket "/run/$daemon.sock" --image docker.io/library/busybox:demo --parent "/$name/$daemon" \
    --logs "$work/logs" --handler "$handler" "$@"
}
floor() {
  "$bin/keelson-floor" --root "$work/rootfs" --work "$work/floor" --bridge kb-floor --net 10.127.0 --cgroup "$name/floor" \
    --exec /bin/busybox "$@" -- /bin/busybox sleep 100000
}
for hierarchy in /sys/fs/cgroup/*/; do mkdir "$hierarchy$name" 2>/dev/null || true; done
for group in /sys/fs/cgroup/cpuset/$name; do
  [ -d "$group" ] || continue
  for file in cpuset.cpus cpuset.mems; do cat "$group/../$file" >"$group/$file"; done
done

for side in "${sides[@]}"; do [ -n "${pid[$(daemon_of "$side")]:-}" ] || start "$(daemon_of "$side")"; done
for side in "${sides[@]}"; do client "$side" --cycles 2 >/dev/null; done  # warm
echo "load before: $(cut -d' ' -f1-3 /proc/loadavg); $rounds rounds of $cycles pods, one after another"
for _ in $(seq "$rounds"); do
  floor --cycles "$cycles" >>"$results/floor.cycles"
  for side in "${sides[@]}"; do client "$side" --cycles "$cycles" >>"$results/$side.cycles"; done
done
echo "8 at once, 2 rounds of $seconds s"
for _ in 1 2; do
  floor --seconds "$seconds" --at-once 8 >>"$results/floor.storm"
  for side in "${sides[@]}"; do client "$side" --seconds "$seconds" --at-once 8 >>"$results/$side.storm"; done
done
if [ "$memory" = 1 ]; then
  for daemon in "${!pid[@]}"; do stop "$daemon"; done
  for side in "${sides[@]}"; do
    daemon=$(daemon_of "$side")
    start "$daemon"
    client "$side" --clear
    sleep 3
    measure() { echo "$1 $(python3 "$here/tests/perf/pss.py" "$work/$daemon/" "/run/$daemon" "${pid[$daemon]}")" >>"$results/$side.memory"; }
    measure 0
    client "$side" --fill 30; sleep 3; measure 30
    client "$side" --fill 80; sleep 3; measure 110
    client "$side" --clear
    stop "$daemon"
  done
fi
echo "load after: $(cut -d' ' -f1-3 /proc/loadavg)"
python3 "$here/tests/perf/report.py" "$results" "${sides[@]}"
