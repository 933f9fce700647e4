# SPDX-License-Identifier: Apache-2.0
"""critest, the ginkgo command of its version, and crictl, built from Go modules into a folder outside the tree, named after their
versions. critest names one image by a digest; it is built with that of ours."""
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile

here = os.path.dirname(os.path.abspath(__file__))
MODULE = "sigs.k8s.io/cri-tools"
THEIR_DIGEST = "sha256:9700f9a2f5bf2c45f2f605a0bd3bce7cf37420ec9d3ed50ac2758413308766bf"


def cache():
    return os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "keelson")


def go_command():
    """None on a machine without it."""
    return shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")


def version():
    with open(os.path.join(here, "go.mod")) as file:
        return re.search(rf"^\s*{re.escape(MODULE)} (v\S+)$", file.read(), re.M)[1]


def build(digest):
    """The folder with the programs."""
    key = hashlib.sha256(digest.encode())
    for name in ("go.mod", "go.sum", "tools.py"):
        with open(os.path.join(here, name), "rb") as file:
            key.update(file.read())
    folder = os.path.join(cache(), f"critest-{version()}-{key.hexdigest()[:12]}")
    if os.path.exists(os.path.join(folder, "critest.test")):
        return folder
    os.makedirs(cache(), exist_ok=True)
    with open(os.path.join(cache(), "critest.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(os.path.join(folder, "critest.test")):
            build_into(folder, digest)
    return folder


def build_into(folder, digest):
    print(f"building critest {version()} into {folder} (some minutes)", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=cache(), prefix="critest.new.") as work:
        environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-trimpath -buildvcs=false", "GOTOOLCHAIN": "local"}

        def go(*words):
            done = subprocess.run([go_command(), *words], cwd=work, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
            if done.returncode != 0:
                raise RuntimeError(f"go {' '.join(words)}: {(done.stderr or done.stdout)[-2000:]}")
            return done.stdout.strip()

        for name in ("go.mod", "go.sum", "tools.go"):
            shutil.copy(os.path.join(here, name), work)
        go("mod", "download", MODULE)
        subprocess.run(["cp", "-r", "--no-preserve=mode", go("list", "-m", "-f", "{{.Dir}}", MODULE), os.path.join(work, "cri-tools")], check=True)
        constants = os.path.join(work, "cri-tools/pkg/validate/consts.go")
        with open(constants) as file:
            text = file.read()
        if text.count(THEIR_DIGEST) != 1:
            raise RuntimeError(f"{MODULE} {version()} does not name the image digest that is to be changed")
        with open(constants, "w") as file:
            file.write(text.replace(THEIR_DIGEST, digest))
        go("mod", "edit", "-replace", f"{MODULE}=./cri-tools")
        stamp = f"-ldflags=-X {MODULE}/pkg/version.Version={version().removeprefix('v')}"
        bin_folder = os.path.join(work, "bin")
        go("build", "-p", "2", "-o", bin_folder + "/ginkgo", "github.com/onsi/ginkgo/v2/ginkgo")
        go("build", "-p", "2", stamp, "-o", bin_folder + "/crictl", MODULE + "/cmd/crictl")
        go("test", "-p", "2", "-c", stamp, "-o", bin_folder + "/critest.test", MODULE + "/cmd/critest")
        os.rename(bin_folder, folder)
