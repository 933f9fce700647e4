# SPDX-License-Identifier: Apache-2.0
"""Clients that are built from Go modules, into a folder outside the tree named after what they are built from; and those of the machine."""
import fcntl
import glob
import hashlib
import os
import re
import shutil
import subprocess

here = os.path.dirname(os.path.abspath(__file__))
PROGRAMS = {  # name: (folder of its go.mod, package)
    "kubectl": (".", "./kubectl"),
    "informer": (".", "./informer"),
    "helm": ("helm", "helm.sh/helm/v3/cmd/helm"),
}


def cache():
    return os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "keelson")


def go_command():
    """None on a machine without it."""
    return shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")


def sources(name):
    folder = os.path.join(here, PROGRAMS[name][0])
    files = [os.path.join(folder, "go.mod"), os.path.join(folder, "go.sum")]
    return files + sorted(glob.glob(os.path.join(here, name, "*.go")))


def version(module, name):
    """As go.mod has it."""
    with open(sources(name)[0]) as file:
        return re.search(rf"^\s*(?:require )?{re.escape(module)} (v\S+)$", file.read(), re.M)[1]


def build(name):
    """The program's path; None where there is no Go."""
    if not go_command():
        return None
    key = hashlib.sha256()
    for path in sources(name):
        with open(path, "rb") as file:
            key.update(file.read())
    folder = os.path.join(cache(), f"master-clients-{name}-{key.hexdigest()[:12]}")
    program = os.path.join(folder, name)
    if os.path.exists(program):
        return program
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(cache(), f"master-clients-{name}.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.path.exists(program):
            return program
        print(f"building {name} into {folder} (some minutes, once)", flush=True)
        module, package = PROGRAMS[name]
        words = ["build", "-p", "2"]
        if name == "kubectl":
            words.append("-ldflags=-X k8s.io/component-base/version.gitVersion=" + version("k8s.io/kubectl", name).replace("v0.", "v1."))
        subprocess.run([go_command(), *words, "-o", program + ".new", package], cwd=os.path.join(here, module), check=True,
                       stdin=subprocess.DEVNULL,
                       env={**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-trimpath -buildvcs=false", "GOTOOLCHAIN": "local"})
        os.rename(program + ".new", program)
    return program


def kubectl_of_machine(minor):
    """kubectl.1.30 where a distribution keeps several versions; None: it is not there."""
    places = os.environ.get("PATH", "").split(":") + ["/usr/lib/google-cloud-sdk/bin", "/usr/local/bin"]
    for place in places:
        program = os.path.join(place, f"kubectl.1.{minor}")
        if os.access(program, os.X_OK):
            return program
    return None
