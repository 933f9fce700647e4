# SPDX-License-Identifier: Apache-2.0
# Sourced by the benches of running sides: the machine as each needs it, which sides there are, and how each is started and asked.
bin=$here/build/$preset/bin
declare -A pid=()
sides=()
prepare_machine() {
  mount -t tmpfs tmpfs /run
  mkdir -p /run/lock "$work/logs" "$work/floor" "$work/rootfs/bin"
  # A hybrid machine's second tree is hidden from every side: crun refuses to start where it has a controller.
  if [ -d /sys/fs/cgroup/unified ]; then umount /sys/fs/cgroup/unified; fi
  ip link set lo up
  ulimit -n "$(ulimit -H -n)"
  echo 1 >/proc/sys/net/ipv4/ip_forward
  make_pause_image "$work/pause.tar"
  cp /bin/busybox "$work/rootfs/bin/"
  ip link add kb-floor type bridge; ip addr add 10.127.0.1/24 dev kb-floor; ip link set kb-floor up
  local hierarchy group file
  for hierarchy in /sys/fs/cgroup/*/; do mkdir "$hierarchy$name" 2>/dev/null || true; done
  for group in /sys/fs/cgroup/cpuset/$name; do
    [ -d "$group" ] || continue
    for file in cpuset.cpus cpuset.mems; do cat "$group/../$file" >"$group/$file"; done
  done
  if [ -z "$only" ] || [[ ",$only," == *",keelson,"* ]]; then sides+=(keelson); fi
  if [ -z "$only" ] || [[ ",$only," == *",c2-runc,"* ]]; then
    if [ -x "$peers_dir/containerd" ]; then sides+=(c2); else echo "containerd 2 is left out: it could not be built"; fi
  fi
}
start_side() { # SIDE: answers when this returns
  local try=0
  case $1 in
    keelson) start_keelson keelson 10.127.4.0/22 ;;
    c2) start_containerd c2 2 10.127.12.0/22 ;;
  esac
  pid[$1]=$started
  until [ -S "/run/$1.sock" ]; do
    sleep 0.1
    [ $((++try)) -lt 300 ] || { echo "$1 does not begin"; tail -5 "$work/$1/log"; exit 1; }
  done
}
stop_side() { kill "${pid[$1]}"; wait "${pid[$1]}" || true; unset "pid[$1]"; }
client() { # SIDE OPTION…
  local side=$1 handler=
  [ "$side" = keelson ] || handler=runc
  shift
  "$bin/keelson-cri-bench" --socket "/run/$side.sock" --image docker.io/library/busybox:demo --parent "/$name/$side" \
    --logs "$work/logs" --handler "$handler" "$@"
}
