# SPDX-License-Identifier: Apache-2.0
# Sourced by up and down behind node.sh: the nodes of a cluster on one machine (each in a network namespace; all below one folder and on
# one bridge). Every name can be changed, so that several such clusters live beside each other.
bin=${CLUSTER_BIN:-build/release/bin}
CLUSTER_IMAGES=${CLUSTER_IMAGES:-build/demo-images}
CLUSTER_NAME=${CLUSTER_NAME:-kln}              # of links and namespaces: short
CLUSTER_BRIDGE=${CLUSTER_BRIDGE:-${CLUSTER_NAME}br}
CLUSTER_NET=${CLUSTER_NET:-10.41.0}            # the bridge's network, a /24: .1 is this machine, .11 the first node
node_state() { echo "$NODE_STATE/nodes/$1"; }
node_run() { echo "$NODE_RUN/nodes/$1"; }
node_etc() { echo "$NODE_ETC/nodes/$1"; }
node_network() { echo "/run/netns/${CLUSTER_NAME}$1"; }

load_images() { # STATE RUN ETC: into the store of a node whose runtime does not run
  [ -S "$2/cri.sock" ] && return 0
  mkdir -p "$1" "$2" "$3"
  local name
  for name in busybox nginx; do
    $bin/keelson-runtime --state-dir "$1" --run-dir "$2" --config-dir "$3" load "$CLUSTER_IMAGES/$name" "docker.io/library/$name:demo" >/dev/null
  done
}
make_bridge() {
  ip link show "$CLUSTER_BRIDGE" >/dev/null 2>&1 && return 0
  ip link add "$CLUSTER_BRIDGE" type bridge
  ip address add "$CLUSTER_NET.1/24" dev "$CLUSTER_BRIDGE"
  ip link set "$CLUSTER_BRIDGE" up
}
make_network() { # N
  local space=${CLUSTER_NAME}$1
  [ -e "$(node_network "$1")" ] && return 0
  ip netns add "$space"
  ip link add "$space" type veth peer name eth0 netns "$space"
  ip link set "$space" master "$CLUSTER_BRIDGE" up
  ip -n "$space" link set lo up
  ip -n "$space" address add "$CLUSTER_NET.$((10 + $1))/24" dev eth0
  ip -n "$space" link set eth0 up
  ip -n "$space" route add default via "$CLUSTER_NET.1"
}
node_options() { # N
  echo --name "node$1" --address "$CLUSTER_NET.$((10 + $1))" --network "$(node_network "$1")" --state-dir "$(node_state "$1")" \
    --run-dir "$(node_run "$1")" --config-dir "$(node_etc "$1")" --kubelet-root "$(node_state "$1")/kubelet" \
    --pod-logs-dir "$(node_state "$1")/pod-logs" --log-links-dir "$(node_state "$1")/log-links" \
    --cgroup-root "${CLUSTER_CGROUP:-/keelson-node}$1" --bridge "${CLUSTER_NAME}pods$1"
}
start_node() { # N: the first brings the cluster up, the others join it
  make_network "$1"
  load_images "$(node_state "$1")" "$(node_run "$1")" "$(node_etc "$1")"
  local said
  if [ "$1" = 1 ]; then
    # shellcheck disable=SC2046,SC2086
    said=$($bin/keelson up $(node_options 1) ${CLUSTER_OPTIONS:-}) || { echo "$said"; return 1; }
    join=$(sed -n 's/^ *keelson join //p' <<<"$said")
    sed -n 1p <<<"$said"
  else
    # shellcheck disable=SC2046,SC2086
    $bin/keelson join $join $(node_options "$1") --kubeconfig "$(node_etc 1)/admin.kubeconfig"  # so that leave may delete its Node
  fi
}
has_nodes() { ls "$NODE_STATE"/nodes/*/node.json >/dev/null 2>&1 || ip link show "$CLUSTER_BRIDGE" >/dev/null 2>&1; }
stop_nodes() {
  local record n
  for record in $(ls -r "$NODE_STATE"/nodes/*/node.json 2>/dev/null); do
    $bin/keelson down --state-dir "$(dirname "$record")" || return 1
  done
  for n in 1 2 3 4 5 6 7 8 9; do
    [ -e "$(node_network $n)" ] || continue
    ip link delete "${CLUSTER_NAME}$n" 2>/dev/null || true
    ip netns delete "${CLUSTER_NAME}$n"
  done
  ip link delete "$CLUSTER_BRIDGE" 2>/dev/null || true
  rmdir "$NODE_STATE/nodes" "$NODE_RUN/nodes" "$NODE_ETC/nodes" 2>/dev/null || true
}
