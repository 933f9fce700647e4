# SPDX-License-Identifier: Apache-2.0
# Sourced by up and down: the places of the node on this machine (each overridable) and its processes. A process is known by a
# pid file with its start time, so that nothing else is ever killed.
NODE_RUN=${NODE_RUN:-/run/keelson}
NODE_STATE=${NODE_STATE:-/var/lib/keelson}
NODE_ETC=${NODE_ETC:-/etc/keelson}
NODE_MANIFESTS=${NODE_MANIFESTS:-$NODE_ETC/manifests}
NODE_OBJECTS=${NODE_OBJECTS:-$NODE_ETC/objects}
NODE_LOGS=${NODE_LOGS:-$NODE_STATE/daemon-logs}
NODE_SOCKET=${NODE_SOCKET:-$NODE_RUN/cri.sock}
NODE_REGISTRY_PORT=${NODE_REGISTRY_PORT:-5000}
NODE_KUBELET_ROOT=${NODE_KUBELET_ROOT:-/var/lib/kubelet}

node_name() { hostname | tr '[:upper:]' '[:lower:]'; }
start_ticks() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }
is_running() { # NAME
  local pid ticks
  read -r pid ticks 2>/dev/null <"$NODE_RUN/$1.pid" || return 1
  [ -n "$ticks" ] && [ "$(start_ticks "$pid")" = "$ticks" ]
}
start_process() { # NAME COMMAND…
  local name=$1; shift
  if is_running "$name"; then echo "    $name runs already"; return 0; fi
  setsid "$@" </dev/null >>"$NODE_RUN/$name.log" 2>&1 &
  local pid=$!
  echo "$pid $(start_ticks $pid)" >"$NODE_RUN/$name.pid"
  disown
}
stop_process() { # NAME
  local pid ticks
  if is_running "$1"; then
    read -r pid ticks <"$NODE_RUN/$1.pid"
    kill "$pid"
    for _ in $(seq 100); do is_running "$1" || break; sleep 0.1; done
    is_running "$1" && kill -KILL "$pid"
  fi
  rm -f "$NODE_RUN/$1.pid"
}
wait_until() { # WHAT COMMAND…: up to two minutes, a word every five seconds
  local what=$1 i; shift
  for i in $(seq 600); do
    if "$@" >/dev/null 2>&1; then return 0; fi
    [ $((i % 25)) = 0 ] && echo "    waiting until $what ($((i / 5)) s)"
    sleep 0.2
  done
  echo "gave up waiting until $what; see $NODE_RUN/*.log" >&2
  return 1
}
