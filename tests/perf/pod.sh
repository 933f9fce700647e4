#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Run by scripts/bench in namespaces of its own, where it is process 1: starts every side, lets them take turns, prints the tables.
# Raw numbers lie in $work/results/SITUATION/SIDE while it runs.
set -euo pipefail
. "$here/tests/perf/peers.sh"
bin=$here/build/$preset/bin
results=$work/results
mkdir -p "$results" "$work/logs" "$work/floor"
few=$((node > 50 ? 50 : (node + 1) / 2))
echo "$few $node" >"$results/node"
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
    c2-*) [ -x "$peers_dir/containerd" ] || continue ;;
  esac
  case $side in *-*) program_of "${side%-*}" "${side#*-}" >/dev/null || { echo "$side is left out: ${side#*-} is not installed"; continue; } ;; esac
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

# Two pods to warm up; a side that cannot is left out.
candidates=("${sides[@]}") sides=()
for side in "${candidates[@]}"; do
  [ -n "${pid[$(daemon_of "$side")]:-}" ] || start "$(daemon_of "$side")"
  if client "$side" --cycles 2 >/dev/null 2>"$work/warm"; then sides+=("$side"); continue; fi
  [ "$side" != keelson ] || { cat "$work/warm"; exit 1; }
  echo "$side is left out: $(tail -1 "$work/warm")"
  client "$side" --clear 2>/dev/null || true
done
for side in floor "${sides[@]}"; do echo "$side $(title_of "$side")"; done >"$results/titles"

turn() { # SITUATION SIDE OPTION…
  local into=$results/$1 side=$2
  shift 2
  mkdir -p "$into"
  if [ "$side" = floor ]; then floor "$@" >>"$into/floor"; else client "$side" "$@" >>"$into/$side"; fi
}
many() { case $1 in floor | keelson) echo $(($2 * ${3:-3})) ;; *) echo "$2" ;; esac; } # the quick ones make more pods
say() { echo "$(date -u +%T) load $(cut -d' ' -f1-3 /proc/loadavg): $*"; }

say "$rounds rounds of $cycles pods one after another, then half a second apart"
for _ in $(seq "$rounds"); do
  for side in floor "${sides[@]}"; do turn empty "$side" --cycles "$(many "$side" "$cycles")"; done
done
spaced=$((full ? cycles : (cycles + 1) / 2)) loaded=$((full ? cycles * 2 : cycles))
for _ in 1 2; do
  for side in floor "${sides[@]}"; do turn empty-spaced "$side" --cycles "$(many "$side" "$spaced" 2)" --pause 500; done
done
say "8 at once, two rounds of $seconds s"
for _ in 1 2; do
  for side in floor "${sides[@]}"; do turn empty-storm "$side" --seconds "$seconds" --at-once 8; done
done

say "memory, and the loaded node: 1,000 mounts, $node pods of the side"
for daemon in "${!pid[@]}"; do stop "$daemon"; done
measure() { # PODS SIDE DAEMON PID
  echo "$1 $(python3 "$here/tests/perf/pss.py" '/bin/busybox sleep 100000' "$work/$3/" "/run/$3" "$4")" >>"$results/$2.memory"
}
sleep 4
measure 0 floor none 1000000
coproc held { floor --hold "$few"; }
hold=$held_PID
read -r _ <&"${held[0]}"
sleep 2
measure "$few" floor none 1000000
exec {held[1]}>&-
wait "$hold"
mkdir -p "$work/mounts"
for i in $(seq 1000); do mkdir "$work/mounts/$i"; done
for i in $(seq 1000); do echo "$work/rootfs $work/mounts/$i none bind 0 0"; done >"$work/fstab"
mount -a -T "$work/fstab"
for side in "${sides[@]}"; do
  daemon=$(daemon_of "$side")
  start "$daemon"
  client "$side" --clear
  sleep 3
  measure 0 "$side" "$daemon" "${pid[$daemon]}"
  client "$side" --fill "$few"; sleep 5; measure "$few" "$side" "$daemon" "${pid[$daemon]}"
  client "$side" --fill $((node - few)); sleep 5; measure "$node" "$side" "$daemon" "${pid[$daemon]}"
  for who in floor "$side"; do
    # The floor's loaded node is Keelson's.
    [ "$who" = "$side" ] || [ "$side" = keelson ] || continue
    turn loaded "$who" --cycles "$(many "$who" "$loaded")"
    turn loaded-spaced "$who" --cycles "$(many "$who" $((spaced / 2 + 1)) 2)" --pause 500
    turn loaded-storm "$who" --seconds "$seconds" --at-once 8
  done
  client "$side" --clear
  stop "$daemon"
done
say "done"
python3 "$here/tests/perf/report.py" "$results"
