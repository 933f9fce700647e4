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
OLDER = os.path.join(here, "older")  # modules of their own, one for each kubectl that no machine brings along
PACKAGES = {"kubectl": "./kubectl", "informer": "./informer", "helm": "helm.sh/helm/v3/cmd/helm"}


def cache():
    return os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "keelson")


def go_command():
    """None on a machine without it."""
    return shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")


def version(module, folder=here):
    """As the folder's go.mod has it."""
    with open(os.path.join(folder, "go.mod")) as file:
        return re.search(rf"^\s*(?:require )?{re.escape(module)} (v\S+)", file.read(), re.M)[1]


def build(name):
    """The program's path; None where there is no Go."""
    sources = [os.path.join(here, "go.mod"), os.path.join(here, "go.sum")] + sorted(glob.glob(os.path.join(here, "*", "*.go")))
    folder = built("master-clients", here, sources, list(PACKAGES.values()), ", ".join(PACKAGES))
    return folder and os.path.join(folder, name)


def built(kind, module, sources, packages, names):
    """The folder of a module's programs, named after what they are built from; None where there is no Go."""
    if not go_command():
        return None
    key = hashlib.sha256()
    for path in sources:
        with open(path, "rb") as file:
            key.update(file.read())
    folder = os.path.join(cache(), f"{kind}-{key.hexdigest()[:12]}")
    os.makedirs(cache(), exist_ok=True)
    with open(os.path.join(cache(), kind + ".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(folder):
            print(f"building {names} into {folder} (some minutes, once)", flush=True)
            shutil.rmtree(folder + ".new", ignore_errors=True)
            stamp = "-ldflags=-s -w -X k8s.io/component-base/version.gitVersion=" + version("k8s.io/kubectl", module).replace("v0.", "v1.")
            subprocess.run([go_command(), "build", stamp, "-o", folder + ".new/", *packages], cwd=module, check=True, stdin=subprocess.DEVNULL,
                           env={**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-trimpath -buildvcs=false", "GOTOOLCHAIN": "local"})
            os.rename(folder + ".new", folder)
    return folder


def kubectl(minor):
    """kubectl 1.MINOR: the machine's, else the one that a module here pins; None: it is neither there nor can it be built."""
    if minor == int(version("k8s.io/kubectl").split(".")[1]):
        return build("kubectl")
    module = os.path.join(OLDER, f"kubectl-1.{minor}")
    if (program := kubectl_of_machine(minor)) or not os.path.isdir(module):
        return program
    folder = built(f"kubectl-1.{minor}", module, [os.path.join(module, name) for name in ("go.mod", "go.sum", "main.go")], ["."], f"kubectl 1.{minor}")
    return folder and os.path.join(folder, f"kubectl-1.{minor}")


def kubectl_of_machine(minor):
    """kubectl.1.30 where a distribution keeps several versions; None: it is not there."""
    places = os.environ.get("PATH", "").split(":") + ["/usr/lib/google-cloud-sdk/bin", "/usr/local/bin"]
    for place in places:
        program = os.path.join(place, f"kubectl.1.{minor}")
        if os.access(program, os.X_OK):
            return program
    return None
