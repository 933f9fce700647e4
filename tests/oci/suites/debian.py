# SPDX-License-Identifier: Apache-2.0
"""The suites that Debian's sources carry: crun's integration tests and Podman's system tests, of the versions whose programs Debian
has, fetched through lists of our own beside the machine's, into a folder outside the tree. Nothing of theirs is kept here."""
import contextlib
import fcntl
import hashlib
import os
import pathlib
import re
import select
import shutil
import socket
import subprocess
import sys
import tempfile

from programs import cache

SOURCES = {"crun": "crun", "podman": "libpod"}


def folder():
    """{crun,podman}/: the sources; bin/init: the program that crun's tests run in their containers."""
    made = cache() / f"oci-suites-debian-{hashlib.sha256(pathlib.Path(__file__).read_bytes()).hexdigest()[:12]}"
    if made.exists():
        return made
    cache().mkdir(parents=True, exist_ok=True)
    with open(cache() / "oci-suites-debian.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            with tempfile.TemporaryDirectory(dir=cache(), prefix="oci-suites-debian.new.") as text:
                work = pathlib.Path(text)
                make(work)
                os.rename(work, made)
                work.mkdir()  # what the context wants to remove
    return made


def archives():
    """The machine's archives of Debian, for sources."""
    parts = []
    for path in pathlib.Path("/etc/apt/sources.list.d").glob("*.sources"):
        for part in re.split(r"\n\s*\n", path.read_text()):
            if re.search(r"^Suites: .*\bbookworm\b", part, re.M):
                parts.append(re.sub(r"^Types:.*$", "Types: deb-src", part, flags=re.M))
    return "\n\n".join(parts)


def make(work):
    print("fetching the sources of Debian's crun and Podman", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory() as text:
        apt = pathlib.Path(text)
        for name in ("sources", "lists/partial", "cache/archives/partial"):
            (apt / name).mkdir(parents=True)
        (apt / "sources/debian.sources").write_text(archives())
        old = pathlib.Path("/etc/apt/sources.list")
        old_lines = re.findall(r"^deb (.*bookworm.*)$", old.read_text() if old.exists() else "", re.M)
        (apt / "sources/debian.list").write_text("".join(f"deb-src {line}\n" for line in old_lines))
        options = ["-q", "-o", "Dir::Etc::SourceList=/dev/null", "-o", f"Dir::Etc::SourceParts={apt}/sources", "-o", f"Dir::State::Lists={apt}/lists",
                   "-o", f"Dir::Cache={apt}/cache", "-o", "APT::Sandbox::User=root"]
        for words in (["update"], ["source", "--download-only", *SOURCES.values()]):
            done = subprocess.run(["apt-get", *options, *words], cwd=work, stdin=subprocess.DEVNULL, capture_output=True, text=True)
            if done.returncode != 0:
                raise RuntimeError(f"apt-get {' '.join(words)}: {(done.stderr or done.stdout)[-2000:]}")
    for name, package in SOURCES.items():
        (work / name).mkdir()
        archive = next(work.glob(f"{package}_*.orig.tar.*z"))
        subprocess.run(["tar", "-C", work / name, "--strip-components", "1", "-xf", archive], check=True)
    for path in work.glob("*.*"):
        path.unlink()
    (work / "bin").mkdir()
    (work / "bin/config.h").write_text("#define HAVE_SECCOMP 1\n")
    # What keeps a pod's namespaces is looked for under the name of a program that only waits.
    (work / "bin/catatonit.c").write_text("#include <unistd.h>\nint main(void) { for (;;) pause(); }\n")
    subprocess.run(["cc", "-static", "-O1", "-o", work / "bin/catatonit", work / "bin/catatonit.c"], check=True)
    subprocess.run(["cc", "-w", "-static", "-O1", "-D_GNU_SOURCE", "-I", work / "bin", "-o", work / "bin/init", work / "crun/tests/init.c"], check=True)


REGISTRY = "127.0.0.1:5000"


def registry(folder):
    """Answers for quay.io, in the caller's network namespace; /etc/containers is the caller's own."""
    (folder / "registry.yml").write_text(f"version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {folder}/registry}}}}\n"
                                         f"http: {{addr: {REGISTRY}}}\n")
    pathlib.Path("/etc/containers/registries.conf").write_text(f'[[registry]]\nprefix = "quay.io"\nlocation = "{REGISTRY}"\ninsecure = true\n')
    with open(folder / "registry.log", "wb") as log:
        served = subprocess.Popen(["docker-registry", "serve", folder / "registry.yml"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    host, _, port = REGISTRY.partition(":")
    while served.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection((host, int(port))):
            return served
        select.select([], [], [], 0.05)
    raise RuntimeError("docker-registry: " + (folder / "registry.log").read_text()[-2000:])


def image(folder, podman, quiet):
    """What Podman's tests use, made and pushed: its name. Theirs is an Alpine; here it is Debian's busybox, all of its applets."""
    name = "quay.io/libpod/testimage:20220615"
    subprocess.run([podman, "import", "--change", "WORKDIR /home/podman", "--change", "LABEL created_by=test/system/build-testimage",
                    "--change", "LABEL created_at=2022-06-15T00:00:00Z",
                    "--change", 'CMD ["/bin/echo", "This container is intended for podman CI testing"]', tree(folder), name], check=True, **quiet)
    for tag in ("20220615", "00000004"):
        subprocess.run([podman, "push", "--tls-verify=false", name, f"docker://{REGISTRY}/libpod/testimage:{tag}"], check=True, **quiet)
    return name


def tree(folder):
    """Its only layer."""
    root = folder / "image"
    for name in ("bin", "sbin", "usr/bin", "usr/sbin", "dev", "proc", "sys", "tmp", "root", "etc", "home/podman", "var/tmp", "run", "mnt", "opt"):
        (root / name).mkdir(parents=True)
    shutil.copy("/bin/busybox", root / "bin")
    for name in subprocess.run(["/bin/busybox", "--list"], capture_output=True, text=True, check=True).stdout.split():
        (root / "bin" / name).exists() or (root / "bin" / name).symlink_to("busybox")
    (root / "bin/busybox-extras").symlink_to("busybox")
    printenv = root / "bin/printenv"
    if not printenv.exists():
        printenv.write_text('#!/bin/sh\n[ $# = 0 ] && exec env\neval "echo \\"\\$$1\\""\n')
        printenv.chmod(0o755)
    (root / "tmp").chmod(0o1777)
    (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\ndaemon:x:2:2:daemon:/sbin:/sbin/nologin\n"
                                     "mail:x:8:12:mail:/var/mail:/sbin/nologin\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n")
    (root / "etc/group").write_text("root:x:0:root\ndaemon:x:2:\nmail:x:12:mail\nnobody:x:65534:\n")
    (root / "etc/os-release").write_text('NAME="Alpine Linux"\nID=alpine\nVERSION_ID=3.16.0\nPRETTY_NAME="Alpine Linux v3.16"\n')
    pause = root / "home/podman/pause"
    pause.write_text("#!/bin/sh\necho Confirmed: testimage pause invoked as $0\nwhile :; do sleep 0.1; done\n")
    pause.chmod(0o755)
    (root / "home/podman/testimage-id").write_text("20220615\n")
    os.utime(root / "home/podman/testimage-id", (1600000000, 1600000000))
    archive = folder / "image.tar"
    subprocess.run(["tar", "-C", root, "-cf", archive, "."], check=True)
    return archive
