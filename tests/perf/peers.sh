# SPDX-License-Identifier: Apache-2.0
# Sourced by the bench: the peers, each an instance of its own below $work, and Keelson's own daemon.
containerd2_version=v2.1.4
containerd2_dir=${XDG_CACHE_HOME:-$HOME/.cache}/keelson/containerd-$containerd2_version

# containerd 2 from the Go module proxy; says why when it has to be left out.
build_containerd2() {
  [ -x "$containerd2_dir/containerd" ] && [ -x "$containerd2_dir/containerd-shim-runc-v2" ] && return
  command -v go >/dev/null || { echo "containerd 2 is left out: no go on this machine"; return 0; }
  echo "building containerd $containerd2_version into $containerd2_dir (at most 15 minutes)"
  local source=$containerd2_dir/source module=github.com/containerd/containerd/v2
  mkdir -p "$source"
  printf 'module keelson.invalid/peers\ngo 1.24\n' >"$source/go.mod"
  printf 'package peers\n\nimport (\n\t_ "%s/cmd/containerd"\n\t_ "%s/cmd/containerd-shim-runc-v2"\n)\n' $module $module |
    sed '1i //go:build tools\n' >"$source/tools.go"
  (cd "$source" && export GOBIN=$containerd2_dir && timeout 900 nice sh -ec "
    go get $module@$containerd2_version && go mod tidy
    go install -p 2 -tags no_btrfs,no_zfs,no_devmapper $module/cmd/containerd $module/cmd/containerd-shim-runc-v2") >"$source/log" 2>&1 ||
    echo "containerd 2 is left out: $(tail -1 "$source/log") (see $source/log)"
}

# An image of one file, for the peers' sandbox containers.
make_pause_image() { # TAR
  python3 - "$1" "$here/build/release/bin/keelson-bench-pause" <<'P'
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
BinaryName = '$(command -v $name)'
SystemdCgroup = false
R
done)
C
}

start_containerd() { # SIDE VERSION SUBNET: listens on /run/SIDE.sock; $started is its process
  local side=$1 dir=$work/$1 programs=/usr/bin path=$PATH
  [ "$2" = 2 ] && programs=$containerd2_dir path=$containerd2_dir:$PATH
  mkdir -p "$dir/cni" "$dir/root"
  containerd_config "$side" "$2" "$dir" >"$dir/config.toml"
  cat >"$dir/cni/10-bench.conflist" <<C
{"cniVersion": "0.4.0", "name": "bench-$side", "plugins": [{"type": "bridge", "bridge": "kb-$side", "isGateway": true, "ipMasq": true,
 "ipam": {"type": "host-local", "dataDir": "/run/cni-$side", "ranges": [[{"subnet": "$3"}]], "routes": [{"dst": "0.0.0.0/0"}]}}]}
C
  env PATH="$path" "$programs/containerd" -c "$dir/config.toml" >"$dir/log" 2>&1 &
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
  local dir=$work/$1 bin=$here/build/release/bin
  mkdir -p "$dir"
  local options=(--state-dir "$dir/state" --run-dir "/run/$1" --config-dir "$dir/etc" --bridge "kb-$1" --pod-subnet "$2"
    --pod-network "$2" --log-level warn --socket "/run/$1.sock")
  [ -e "$dir/loaded" ] || "$bin/keelson-runtime" "${options[@]}" load "$here/build/demo-images/busybox" docker.io/library/busybox:demo >/dev/null
  touch "$dir/loaded"
  "$bin/keelson-runtime" "${options[@]}" >"$dir/log" 2>&1 &
  started=$!
}
