# SPDX-License-Identifier: Apache-2.0
# Sourced by scripts/bench master: each side is started afresh on a folder of its own on the disk, with the same certificates.
bench_bin=$here/build/$preset/bin

# Sets upstream_dir, where kube-apiserver and etcd are as tests/upstream_master/go.mod pins them; says why when they are left out.
build_upstream() {
  upstream_dir=$(python3 "$here/tests/upstream_cluster/builds.py")
  [ -x "$upstream_dir/kube-apiserver" ] || echo "upstream is left out: no go on this machine"
}

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

rss_of() { # PID…: megabytes of all of them
  local pid sum=0
  for pid in "$@"; do sum=$((sum + $(sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$pid/status"))); done
  awk -v kb="$sum" 'BEGIN { printf "%.1f\n", kb / 1000 }'
}

# Certificates and the administrator's kubeconfig, for every side: made by keelson-master once.
make_identity() {
  local port
  port=$(free_port)
  read -r _ pid _ < <("$bench_bin/keelson-master-bench" start "$work/kubeconfig" "$port" "$bench_bin/keelson-master" \
    --state-dir "$work/identity" --kubeconfig "$work/kubeconfig" --port "$port" 2>"$work/identity.log")
  end_side
  rm -rf "$work/identity/store"
}

etcd_pid= pid=
start_side() { # SIDE DIR: sets pid, port, ready (milliseconds) and ready_cpu (microseconds); etcd is up before the clock starts
  local side=$1 dir=$2 pki=$work/identity/pki
  port=$(free_port)
  mkdir -p "$dir"
  case $side in
    keelson)
      mkdir -p "$dir/state"
      [ -e "$dir/state/pki" ] || cp -r "$pki" "$dir/state/pki"
      cp "$work/kubeconfig" "$dir/kubeconfig"
      set -- "$bench_bin/keelson-master" --state-dir "$dir/state" --kubeconfig "$dir/kubeconfig" --port "$port" ;;
    upstream)
      [ -n "$etcd_pid" ] || start_etcd "$dir"
      set -- "$upstream_dir/kube-apiserver" --etcd-servers "http://127.0.0.1:$etcd_port" --secure-port "$port" --bind-address 127.0.0.1 \
        --advertise-address 127.0.0.1 --endpoint-reconciler-type none --client-ca-file "$pki/ca.crt" --tls-cert-file "$pki/apiserver.crt" \
        --tls-private-key-file "$pki/apiserver.key" --service-account-key-file "$pki/sa.pub" --service-account-signing-key-file "$pki/sa.key" \
        --service-account-issuer https://kubernetes.default.svc.cluster.local --service-cluster-ip-range 10.43.0.0/16 \
        --authorization-mode Node,RBAC --enable-admission-plugins NodeRestriction --allow-privileged --cert-dir "$dir/certs" ;;
    floor)
      set -- "$bench_bin/keelson-master-floor" "$pki" "$dir" "$port" ;;
  esac
  read -r ready pid ready_cpu < <("$bench_bin/keelson-master-bench" start "$work/kubeconfig" "$port" "$@" 2>>"$dir/log") ||
    { echo "$side does not start: $(tail -3 "$dir/log")" >&2; return 1; }
}

start_etcd() { # DIR: sets etcd_pid and etcd_port
  local peer
  etcd_port=$(free_port) peer=$(free_port)
  "$upstream_dir/etcd" --data-dir "$1/etcd" --listen-client-urls "http://127.0.0.1:$etcd_port" --advertise-client-urls "http://127.0.0.1:$etcd_port" \
    --listen-peer-urls "http://127.0.0.1:$peer" --initial-advertise-peer-urls "http://127.0.0.1:$peer" --initial-cluster "default=http://127.0.0.1:$peer" \
    --log-level error >>"$1/etcd.log" 2>&1 &
  etcd_pid=$!
  for _ in $(seq 300); do
    ! curl -fs "http://127.0.0.1:$etcd_port/health" >/dev/null || return 0
    sleep 0.1
  done
  echo "etcd does not start: $(tail -1 "$1/etcd.log")" >&2
  return 1
}

end_side() { # the server; it is not the shell's own child
  [ -z "$pid" ] || kill "$pid" 2>/dev/null || true
  for _ in $(seq 300); do [ -n "$pid" ] && [ -e "/proc/$pid" ] || break; sleep 0.1; done
  [ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null || true
  pid=
}
end_etcd() {
  [ -z "$etcd_pid" ] || { kill "$etcd_pid" 2>/dev/null || true; wait "$etcd_pid" 2>/dev/null || true; }
  etcd_pid=
}

say() { # NAME VALUE
  echo "$side $round $1 $2" >>"$work/results"
}

memory() { # NAME
  say "$1" "$(rss_of "$pid")"
  [ -z "$etcd_pid" ] || say "$1_etcd" "$(rss_of "$etcd_pid")"
}

measure_side() { # SIDE ROUND
  side=$1 round=$2
  local dir=$work/$1-$2 name value
  start_side "$side" "$dir"
  say ready_empty "$ready"
  say ready_empty_cpu_us "$ready_cpu"
  if [ "$side" != floor ]; then
    sleep 5
    memory rss_idle
    "$bench_bin/keelson-master-bench" fill "$work/kubeconfig" "$port" "$pods"
    sleep 3
    memory rss_pods
  fi
  KEELSON_BENCH_PIDS=$pid${etcd_pid:+,$etcd_pid} "$bench_bin/keelson-master-bench" load "$work/kubeconfig" "$port" "$seconds" "$pods" 100 >"$dir/figures"
  while read -r name value; do say "$name" "$value"; done <"$dir/figures"
  if [ "$side" != floor ]; then
    memory rss_after
    "$bench_bin/keelson-master-bench" maps "$work/kubeconfig" "$port" "$objects"
    end_side
    start_side "$side" "$dir"
    say ready_full "$ready"
    say ready_full_cpu_us "$ready_cpu"
    memory rss_full
  fi
  end_side
  end_etcd
  rm -rf "$dir"
}

bench_master() {
  local round side
  trap 'end_side; end_etcd; rm -rf "$work"' EXIT
  make_identity
  for round in $(seq "$rounds"); do
    for side in floor upstream keelson; do
      case ",${only:-floor,upstream,keelson}," in *",$side,"*) ;; *) continue ;; esac
      [ "$side" != upstream ] || [ -x "$upstream_dir/kube-apiserver" ] || continue
      echo "round $round: $side (load $(cut -d' ' -f1 /proc/loadavg))" >&2
      measure_side "$side" "$round"
    done
  done
  python3 "$here/tests/perf/master_report.py" "$work/results"
}
