# SPDX-License-Identifier: Apache-2.0
"""The suites: sources by the Go module proxy, their programs and the roots that they unpack, made once into a folder outside the tree
that is named after what it is made of. Nothing of theirs is kept here."""
import fcntl
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile

here = pathlib.Path(__file__).resolve().parent
RUNC = "github.com/opencontainers/runc"
TOOLS = "github.com/opencontainers/runtime-tools"
# What runc's tests call in the root that is Debian's for them.
DEBIAN = ("bash cat chmod chrt cut dash echo env false findmnt getconf grep head hostname id ionice ldd ln ls mkdir mount mv nsenter "
          "printf ps pwd readlink rm rmdir sed sleep sort stat tail touch true umount uname wc ldconfig mountpoint").split()


def cache():
    return pathlib.Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")) / "keelson"


def go_command():
    """None on a machine without it."""
    return shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")


def version(module):
    return re.search(rf"^\s*{re.escape(module)} (v\S+)$", (here / "go.mod").read_text(), re.M)[1]


def folder():
    key = hashlib.sha256()
    for name in ("go.mod", "go.sum", "programs.py"):
        key.update((here / name).read_bytes())
    made = cache() / f"oci-suites-{key.hexdigest()[:12]}"
    if made.exists():
        return made
    cache().mkdir(parents=True, exist_ok=True)
    with open(cache() / "oci-suites.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            make(made)
    return made


def go(where, *words, cgo="0"):
    environment = {**os.environ, "CGO_ENABLED": cgo, "GOFLAGS": "-trimpath -buildvcs=false", "GOTOOLCHAIN": "local"}
    done = subprocess.run([go_command(), *words], cwd=where, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"go {' '.join(words)}: {(done.stderr or done.stdout)[-2000:]}")
    return done.stdout


def source(work, module):
    """A copy that may be written to."""
    told = json.loads(go(here, "mod", "download", "-json", module))
    copy = work / module.rpartition("/")[2]
    subprocess.run(["cp", "-r", "--no-preserve=mode", told["Dir"], copy], check=True)
    shutil.rmtree(copy / "vendor", ignore_errors=True)
    return copy


def make(made):
    print(f"building the suites into {made} (some minutes)", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(dir=cache(), prefix="oci-suites.new.") as text:
        work = pathlib.Path(text)
        tools = source(work, TOOLS)
        go(tools, "build", "-p", "2", "-mod=mod", "-o", "runtimetest", "./cmd/runtimetest")
        (tools / "bin").mkdir()
        go(tools, "build", "-p", "2", "-mod=mod", "-o", "bin/", "./validation/...")
        runc = source(work, RUNC)
        programs = runc / "tests/cmd/_bin"
        programs.mkdir()
        for name in os.listdir(runc / "tests/cmd"):
            if (runc / "tests/cmd" / name / f"{name}.go").exists() or list((runc / "tests/cmd" / name).glob("*.go")):
                # seccompagent does nothing without libseccomp.
                go(runc, "build", "-p", "2", "-mod=mod", "-tags", "seccomp", "-o", str(programs / name), f"./tests/cmd/{name}",
                   cgo="1" if name == "seccompagent" else "0")
        for script in (runc / "tests").rglob("*"):
            if script.suffix in (".bats", ".sh", ".bash"):
                script.chmod(0o755)
        roots(runc / "tests/integration")
        os.rename(work, made)
        work.mkdir()  # what the context wants to remove


def roots(integration):
    """runc's tests fetch a busybox and a Debian; here they are Debian's busybox, and programs of this machine with their
    libraries."""
    busybox = integration / "testdata/busybox.tar"
    with tempfile.TemporaryDirectory() as text:
        root = pathlib.Path(text)
        for name in ("bin", "dev", "tmp", "root", "etc", "home", "usr/bin", "usr/sbin", "var", "opt"):
            (root / name).mkdir(parents=True)
        shutil.copy("/bin/busybox", root / "bin")
        for name in subprocess.run(["/bin/busybox", "--list"], capture_output=True, text=True, check=True).stdout.split():
            (root / "bin" / name).exists() or (root / "bin" / name).symlink_to("busybox")
        (root / "etc/mtab").symlink_to("/proc/mounts")
        (root / "tmp").chmod(0o1777)
        (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1::/:/bin/false\nnobody:x:65534:65534::/home:/bin/false\n")
        (root / "etc/group").write_text("root:x:0:\ndaemon:x:1:\nnogroup:x:65534:\n")
        pack(root, busybox)
    debian = integration / "testdata/debian.tar"
    with tempfile.TemporaryDirectory() as text:
        root = pathlib.Path(text)
        for name in ("bin", "etc", "lib", "lib64", "dev", "proc", "sys", "tmp", "root", "var", "home", "usr", "opt", "mnt", "sbin", "run"):
            (root / name).mkdir()
        for name in ("bin", "sbin", "lib", "lib64"):
            (root / "usr" / name).symlink_to(f"../{name}")
        for name in DEBIAN:
            program = shutil.which(name)
            if program is None:
                continue
            shutil.copy(program, root / "bin" / name)
            for library in re.findall(r"(/\S+) \(0x", subprocess.run(["ldd", program], capture_output=True, text=True).stdout):
                # A library is where the loader looks for it, wherever the machine's links lead.
                place = root / library.removeprefix("/usr").lstrip("/")
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(library, place)
        (root / "bin/sh").symlink_to("dash")
        (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/bash\n")
        (root / "etc/group").write_text("root:x:0:\n")
        pack(root, debian)
    (integration / "get-images.sh").write_text(f"#!/bin/sh\nhere=$(dirname \"$(readlink -f \"$0\")\")/testdata\n"
                                               f"echo BUSYBOX_IMAGE=$here/{busybox.name}\necho DEBIAN_IMAGE=$here/{debian.name}\n")
    (integration / "get-images.sh").chmod(0o755)


def pack(root, archive):
    root.chmod(0o755)  # a folder of tempfile's is its owner's alone
    with tarfile.open(archive, "w") as out:
        out.add(root, arcname=".")
