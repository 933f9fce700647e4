# SPDX-License-Identifier: Apache-2.0
"""Upstream's programs of one release, built from the Go modules that tests/upstream_master and tests/upstream_kubelet pin, into folders
outside the tree that are named after what they are built from."""
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys

here = os.path.dirname(os.path.abspath(__file__))
tests = os.path.dirname(here)
ETCD = "go.etcd.io/etcd/server/v3"
NAMES = ("kube-proxy", "kube-apiserver", "kube-scheduler", "kube-controller-manager", "etcd")


def cache():
    return os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "keelson")


def go_command():
    """None on a machine without it."""
    return shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")


def control_plane():
    """The folder of NAMES; None where they are not yet built and there is no Go."""
    module, key = os.path.join(tests, "upstream_master"), hashlib.sha256()
    for name in ("go.mod", "go.sum", "tools.go"):
        with open(os.path.join(module, name), "rb") as file:
            key.update(file.read())
    with open(os.path.join(module, "go.mod")) as file:
        version = re.search(r"^\s*(?:require )?k8s.io/kubernetes (v\S+)", file.read(), re.M)[1]
    folder = os.path.join(cache(), f"upstream-{version}-{key.hexdigest()[:12]}")
    missing = [name for name in NAMES if not os.access(os.path.join(folder, name), os.X_OK)]
    if missing and not go_command():
        return None
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, ".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for name in NAMES:  # each as it is done: what was built stays when the next is not
            if os.access(os.path.join(folder, name), os.X_OK):
                continue
            print(f"building {name} {version} into {folder} (some minutes, once)", file=sys.stderr, flush=True)
            stamp = "-s -w " + " ".join(f"-X k8s.io/component-base/version.{what}" for what in
                                        (f"gitVersion={version}", "gitMajor=1", f"gitMinor={version.split('.')[1]}"))
            made = os.path.join(folder, name + ".new")
            subprocess.run([go_command(), "build", "-mod=readonly", "-p", "2", "-ldflags", stamp, "-o", made,
                            ETCD if name == "etcd" else "k8s.io/kubernetes/cmd/" + name], cwd=module, check=True, stdin=subprocess.DEVNULL,
                           preexec_fn=lambda: os.nice(10),
                           env={**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-trimpath -buildvcs=false", "GOTOOLCHAIN": "local"})
            os.rename(made, os.path.join(folder, name))
    return folder


def kubelet():
    """The folder of the kubelet that tests/upstream_kubelet builds; None as above."""
    run = os.path.join(tests, "upstream_kubelet", "run")
    done = subprocess.run([run, "--prepare"], stdin=subprocess.DEVNULL)
    if done.returncode == 77:
        return None
    if done.returncode != 0:
        raise RuntimeError(f"{run} --prepare ended with {done.returncode}")
    with open(os.path.join(tests, "upstream_kubelet", "go.mod")) as file:
        return os.path.join(cache(), "kubelet-" + re.search(r"^\s*k8s.io/kubernetes (v\S+)$", file.read(), re.M)[1])




if __name__ == "__main__":
    print(control_plane() or "")
