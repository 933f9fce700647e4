# SPDX-License-Identifier: Apache-2.0
"""Mount, network, IPC, host name and process namespaces of a test's own, around a script that calls itself again with --inside FOLDER.
Whatever happens in there ends with them; what the kernel keeps, and the folder, are taken away from outside."""
import contextlib
import glob
import os
import shutil
import subprocess
import sys
import tempfile

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@contextlib.contextmanager
def folder(prefix, keep, patterns):
    """A folder for all that a run writes; what matches `patterns` in it is copied to `keep`, if that is named."""
    work = tempfile.mkdtemp(prefix=prefix, dir=os.environ.get("TMPDIR", "/var/tmp"))
    os.chmod(work, 0o755)  # root of a user namespace goes through it as anybody
    try:
        yield work
    finally:
        if keep:
            os.makedirs(keep, exist_ok=True)
            for path in (path for pattern in patterns for path in glob.glob(os.path.join(work, pattern))):
                shutil.copy(path, os.path.join(keep, path.removeprefix(work + "/").replace("/", "-")))
        shutil.rmtree(work, ignore_errors=True)


def call(script, work, **environment):
    """The script's exit status inside."""
    return subprocess.run(["unshare", "--mount", "--net", "--ipc", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation",
                           "private", sys.executable, os.path.abspath(script), *sys.argv[1:], "--inside", work],
                          env={**os.environ, "TMPDIR": work, **environment}).returncode


def furnish(own_run=True):
    """What a node needs, inside: an empty /run, a loopback, forwarding."""
    if own_run:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run"], check=True)
        os.mkdir("/run/lock")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with open("/proc/sys/net/ipv4/ip_forward", "w") as file:
        file.write("1")
    os.environ["PATH"] = PATH


def control_groups(name):
    """Those of a name, below the top, in every hierarchy."""
    return glob.glob(f"/sys/fs/cgroup/*/{name}") + glob.glob(f"/sys/fs/cgroup/{name}")


def remove_control_groups(name):
    """With all below them; their processes are gone."""
    for top in control_groups(name):
        for place, _, _ in os.walk(top, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(place)
