# SPDX-License-Identifier: Apache-2.0
# Sourced by the bench: the peers, each an instance of its own below $work, and Keelson's own daemon.
containerd2_version=v2.4.2 runc_version=v1.5.2
peers_dir=${XDG_CACHE_HOME:-$HOME/.cache}/keelson/peers-containerd-$containerd2_version-runc-$runc_version

# One program set of the Go module proxy, in a module of its own, so that the newest fixed dependencies of theirs are taken.
build_module() { # NAME MODULE VERSION TAGS PACKAGE…
  local name=$1 module=$2 version=$3 tags=$4 source=$peers_dir/source/$1 package
  shift 4
  mkdir -p "$source"
  rm -f "$source"/go.*
  printf 'module keelson.invalid/peers\n' >"$source/go.mod"
  { printf '//go:build tools\n\npackage peers\n\nimport (\n'; for package in "$@"; do printf '\t_ "%s"\n' "$package"; done; echo ')'; } >"$source/tools.go"
  (cd "$source" && export GOBIN=$peers_dir && timeout 900 nice sh -ec "
    go get $module@$version && go mod tidy && go install -p 2 -tags $tags $*") >"$source/log" 2>&1 ||
    echo "$name $version cannot be built: $(tail -1 "$source/log") (see $source/log)"
}

# containerd 2 and a runc of its age; says why when they have to be left out.
build_peers() {
  local containerd=github.com/containerd/containerd/v2 runc=github.com/opencontainers/runc
  if ! command -v go >/dev/null; then
    [ -x "$peers_dir/containerd" ] || echo "containerd 2 is left out: no go on this machine"
    return 0
  fi
  [ -x "$peers_dir/containerd" ] && [ -x "$peers_dir/containerd-shim-runc-v2" ] || {
    echo "building containerd $containerd2_version into $peers_dir (at most 15 minutes)"
    build_module containerd $containerd $containerd2_version no_btrfs,no_zfs,no_devmapper $containerd/cmd/containerd $containerd/cmd/containerd-shim-runc-v2
  }
  [ -x "$peers_dir/runc" ] || {
    echo "building runc $runc_version into $peers_dir (needs libseccomp's headers)"
    build_module runc $runc $runc_version seccomp,netgo,osusergo $runc
  }
}

program_of() { # DAEMON RUNTIME: containerd 2 takes its own runc where that could be built
  if [ "$1 $2" = "c2 runc" ] && [ -x "$peers_dir/runc" ]; then echo "$peers_dir/runc"; else command -v "$2"; fi
}

title_of() { # SIDE: with the versions
  local daemon=containerd
  case $1 in floor) echo floor; return ;; keelson) echo Keelson; return ;; esac
  case $1 in c16-*) daemon="containerd $(dpkg-query -W -f '${source:Upstream-Version}' containerd 2>/dev/null | cut -d'~' -f1)" ;;
    c2-*) daemon="containerd ${containerd2_version#v}" ;; esac
  echo "$daemon + $("$(program_of "${1%-*}" "${1#*-}")" --version | sed -n '1s/ version / /p' | cut -d'+' -f1)"
}

# An image of one file, for the peers' sandbox containers.
make_pause_image() { # TAR
  python3 - "$1" "$here/build/$preset/bin/keelson-bench-pause" <<'P'
import hashlib, io, json, sys, tarfile
out, program = sys.argv[1:]
def tar(files):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data, mode in files:
            entry = tarfile.TarInfo(name); entry.size = len(data); entry.mode = mode
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()
blobs = []
def blob(data, kind):
    digest = hashlib.sha256(data).hexdigest()
    blobs.append((f"blobs/sha256/{digest}", data, 0o644))
    return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(data)}
layer_bytes = tar([("pause", open(program, "rb").read(), 0o755)])
oci = "application/vnd.oci.image."
layer = blob(layer_bytes, oci + "layer.v1.tar")
config = blob(json.dumps({"architecture": "amd64", "os": "linux", "config": {"Entrypoint": ["/pause"]},
    "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]}}).encode(), oci + "config.v1+json")
manifest = blob(json.dumps({"schemaVersion": 2, "mediaType": oci + "manifest.v1+json", "config": config, "layers": [layer]}).encode(),
    oci + "manifest.v1+json")
manifest["annotations"] = {"io.containerd.image.name": "bench.invalid/pause:1", "org.opencontainers.image.ref.name": "1"}
index = json.dumps({"schemaVersion": 2, "manifests": [manifest]}).encode()
open(out, "wb").write(tar([("oci-layout", b'{"imageLayoutVersion": "1.0.0"}', 0o644), ("index.json", index, 0o644)] + blobs))
P
}

containerd_config() { # SIDE VERSION DIRECTORY: both runtimes as handlers
  local dir=$3 version=2 cri='io.containerd.grpc.v1.cri' runtimes sandbox cni
  if [ "$2" = 2 ]; then
    version=3 runtimes='io.containerd.cri.v1.runtime' cni=$runtimes
    sandbox="[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = 'bench.invalid/pause:1'"
  else
    runtimes=$cri cni=$cri sandbox=
  fi
  cat <<C
version = $version
root = '$dir/root'
state = '/run/$1'
disabled_plugins = ['io.containerd.snapshotter.v1.btrfs', 'io.containerd.snapshotter.v1.zfs', 'io.containerd.snapshotter.v1.devmapper', 'io.containerd.nri.v1.nri', 'io.containerd.internal.v1.tracing', 'io.containerd.tracing.processor.v1.otlp']
[grpc]
address = '/run/$1.sock'
[debug]
level = 'warn'
[plugins.'$runtimes']
restrict_oom_score_adj = true
$([ "$2" = 2 ] || echo "sandbox_image = 'bench.invalid/pause:1'")
netns_mounts_under_state_dir = true
$sandbox
[plugins.'$cni'.cni]
bin_dir$([ "$2" = 2 ] && echo "s = ['/usr/lib/cni']" || echo " = '/usr/lib/cni'")
conf_dir = '$dir/cni'
[plugins.'$runtimes'.containerd]
default_runtime_name = 'runc'
$(for name in runc crun; do cat <<R
[plugins.'$runtimes'.containerd.runtimes.$name]
runtime_type = 'io.containerd.runc.v2'
[plugins.'$runtimes'.containerd.runtimes.$name.options]
BinaryName = '$(program_of "$1" $name)'
SystemdCgroup = false
R
done)
C
}

# What a daemon and its helpers use is told from what its client uses by a group of its own, where there is one.
cpu_groups() { local at; for at in /sys/fs/cgroup/cpuacct /sys/fs/cgroup/cpu,cpuacct /sys/fs/cgroup; do [ ! -e "$at/cgroup.procs" ] || { echo "$at/$name"; return; }; done; }
in_group() { # SIDE COMMAND…: becomes it
  local group; group=$(cpu_groups)/$1-daemon
  shift
  [ ! -d "$group" ] || echo "$BASHPID" >"$group/cgroup.procs"
  exec "$@"
}

start_containerd() { # SIDE VERSION SUBNET: listens on /run/SIDE.sock; $started is its process
  local side=$1 dir=$work/$1 programs=/usr/bin path=$PATH
  [ "$2" = 2 ] && programs=$peers_dir path=$peers_dir:$PATH
  mkdir -p "$dir/cni" "$dir/root"
  containerd_config "$side" "$2" "$dir" >"$dir/config.toml"
  cat >"$dir/cni/10-bench.conflist" <<C
{"cniVersion": "0.4.0", "name": "bench-$side", "plugins": [{"type": "bridge", "bridge": "kb-$side", "isGateway": true, "ipMasq": true,
 "ipam": {"type": "host-local", "dataDir": "/run/cni-$side", "ranges": [[{"subnet": "$3"}]], "routes": [{"dst": "0.0.0.0/0"}]}}]}
C
  in_group "$side" env PATH="$path" "$programs/containerd" -c "$dir/config.toml" >"$dir/log" 2>&1 &
  started=$!
  local ctr="ctr -a /run/$side.sock -n k8s.io"
  for _ in $(seq 200); do $ctr version >/dev/null 2>&1 && break; sleep 0.1; done
  [ -e "$dir/loaded" ] && return
  $ctr images import "$work/pause.tar" >/dev/null
  tar -C "$here/build/demo-images/busybox" -cf "$work/busybox.tar" .
  $ctr images import --base-name docker.io/library/busybox "$work/busybox.tar" >/dev/null
  touch "$dir/loaded"
}

start_keelson() { # SIDE SUBNET
  local dir=$work/$1 bin=$here/build/$preset/bin
  mkdir -p "$dir"
  local options=(--state-dir "$dir/state" --run-dir "/run/$1" --config-dir "$dir/etc" --bridge "kb-$1" --pod-subnet "$2"
    --pod-network "$2" --log-level warn --socket "/run/$1.sock")
  [ -e "$dir/loaded" ] || "$bin/keelson-runtime" "${options[@]}" load "$here/build/demo-images/busybox" docker.io/library/busybox:demo >/dev/null
  touch "$dir/loaded"
  in_group "$1" "$bin/keelson-runtime" "${options[@]}" >"$dir/log" 2>&1 &
  started=$!
}
