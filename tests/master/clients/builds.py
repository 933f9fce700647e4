# SPDX-License-Identifier: Apache-2.0
"""Clients that are built from Go modules, all in one build, into a folder outside the tree named after what they are built from; and
those of the machine."""
import fcntl
import glob
import hashlib
import os
import re
import shutil
import subprocess

here = os.path.dirname(os.path.abspath(__file__))
PACKAGES = {"kubectl": "./kubectl", "informer": "./informer", "helm": "helm.sh/helm/v3/cmd/helm"}


def cache():
    return os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "keelson")


def go_command():
    """None on a machine without it."""
    return shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")


def version(module):
    """As go.mod has it."""
    with open(os.path.join(here, "go.mod")) as file:
        return re.search(rf"^\s*(?:require )?{re.escape(module)} (v\S+)", file.read(), re.M)[1]


def build(name):
    """The program's path; None where there is no Go."""
    if not go_command():
        return None
    key = hashlib.sha256()
    for path in [os.path.join(here, "go.mod"), os.path.join(here, "go.sum")] + sorted(glob.glob(os.path.join(here, "*", "*.go"))):
        with open(path, "rb") as file:
            key.update(file.read())
    folder = os.path.join(cache(), f"master-clients-{key.hexdigest()[:12]}")
    os.makedirs(cache(), exist_ok=True)
    with open(os.path.join(cache(), "master-clients.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(folder):
            print(f"building {', '.join(PACKAGES)} into {folder} (some minutes, once)", flush=True)
            shutil.rmtree(folder + ".new", ignore_errors=True)
            stamp = "-ldflags=-s -w -X k8s.io/component-base/version.gitVersion=" + version("k8s.io/kubectl").replace("v0.", "v1.")
            subprocess.run([go_command(), "build", stamp, "-o", folder + ".new/", *PACKAGES.values()], cwd=here, check=True, stdin=subprocess.DEVNULL,
                           env={**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-trimpath -buildvcs=false", "GOTOOLCHAIN": "local"})
            os.rename(folder + ".new", folder)
    return os.path.join(folder, name)


def kubectl_of_machine(minor):
    """kubectl.1.30 where a distribution keeps several versions; None: it is not there."""
    places = os.environ.get("PATH", "").split(":") + ["/usr/lib/google-cloud-sdk/bin", "/usr/local/bin"]
    for place in places:
        program = os.path.join(place, f"kubectl.1.{minor}")
        if os.access(program, os.X_OK):
            return program
    return None
