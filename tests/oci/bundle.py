# SPDX-License-Identifier: Apache-2.0
"""What the tests of keelson-oci stand on: bundles with a busybox root, runtimes called as a shim would call them, and a folder and a
cgroup of the test's own that are gone afterwards, also when it failed."""
import contextlib
import json
import os
import pathlib
import select
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

BIN = pathlib.Path(os.environ.get("KEELSON_BIN", "build/dev/bin")).resolve()
PATIENCE = 120
APPLETS = "sh ls cat sleep id echo mount ps hostname env kill tty stty touch true false stat readlink dd grep pwd mkdir rm umask".split()


def until(condition, what):
    """Waits for a state of the kernel's that nobody tells of."""
    end = time.monotonic() + PATIENCE
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError("waited for nothing: " + what)
        select.select([], [], [], 0.01)
    return value


class Runtime:
    def __init__(self, name, folder):
        self.name = name
        self.program = str(BIN / "keelson-oci") if name == "keelson-oci" else shutil.which(name)
        self.root = str(folder / ("state-" + name))

    def __call__(self, *words, check=True, **more):
        more = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more}
        result = subprocess.run([self.program, "--root", self.root, *map(str, words)], text=True, timeout=PATIENCE, **more)
        if check and result.returncode != 0:
            raise AssertionError(f"{self.name} {' '.join(map(str, words))}: {result.returncode}: {result.stderr}")
        return result

    def make(self, id, bundle, *words, check=True, **more):
        """create, with the container's output in a file: a pipe would be open for as long as the container lives."""
        log = bundle.path / ("out-" + id.replace("/", "-"))
        with open(log, "wb") as out:
            more.setdefault("stdin", subprocess.DEVNULL)
            result = subprocess.run([self.program, "--root", self.root, "create", "--bundle", str(bundle.path), *words, id],
                                    stdout=out, stderr=subprocess.STDOUT, timeout=PATIENCE, **more)
        result.text = log.read_text()
        if check and result.returncode != 0:
            raise AssertionError(f"{self.name} create: {result.returncode}: {result.text}")
        return result

    def state(self, id):
        return json.loads(self("state", id).stdout)

    def status(self, id):
        return self.state(id)["status"]

    def ended(self, id):
        until(lambda: self.status(id) == "stopped", f"{id} stops")


class Bundle:
    def __init__(self, path, group, args, **changes):
        self.path = path
        root = path / "rootfs"
        for name in ("bin", "etc", "tmp", "dev", "proc", "sys"):
            (root / name).mkdir(parents=True)
        shutil.copy("/bin/busybox", root / "bin/busybox")
        for applet in APPLETS:
            (root / "bin" / applet).symlink_to("busybox")
        (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\nweb:x:1000:1000::/srv:/bin/sh\n")
        (root / "etc/group").write_text("root:x:0:\n")
        safe = ["nosuid", "noexec", "nodev"]
        caps = ["CAP_CHOWN", "CAP_KILL", "CAP_SETUID", "CAP_SETGID", "CAP_NET_BIND_SERVICE"]
        self.config = {
            "ociVersion": "1.0.2",
            "process": {"terminal": False, "user": {"uid": 0, "gid": 0}, "args": args, "cwd": "/",
                        "env": ["PATH=/bin"], "noNewPrivileges": True,
                        "capabilities": {"bounding": caps, "effective": caps, "permitted": caps}},
            "root": {"path": "rootfs"}, "hostname": "box",
            "mounts": [
                {"destination": "/proc", "type": "proc", "source": "proc"},
                {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
                 "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
                {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
                 "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]},
                {"destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": safe + ["mode=1777", "size=8m"]},
                {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": safe + ["ro"]}],
            "linux": {
                "cgroupsPath": group, "resources": {"devices": [{"allow": False, "access": "rwm"}]},
                "namespaces": [{"type": t} for t in ("pid", "network", "ipc", "uts", "mount")],
                "maskedPaths": ["/proc/kcore", "/proc/keys", "/proc/acpi"], "readonlyPaths": ["/proc/sys", "/proc/bus"]}}
        self.config.update(changes)

    def write(self):
        (self.path / "config.json").write_text(json.dumps(self.config))
        return self

    def namespaces(self, *types, **paths):
        self.config["linux"]["namespaces"] = [{"type": t} for t in types] + [{"type": t, "path": p} for t, p in paths.items()]


class OciTest(unittest.TestCase):
    def setUp(self):
        if os.geteuid() != 0:
            self.skipTest("needs root")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="keelson-oci-"))
        self.prefix = self.folder.name.replace("_", "0")  # containerd takes no other names
        self.runtimes = {name: Runtime(name, self.folder) for name in ("keelson-oci", "runc", "crun")}
        self.addCleanup(self.sweep)
        self.oci = self.runtimes["keelson-oci"]
        self.count = 0

    def sweep(self):
        for runtime in self.runtimes.values():
            if os.path.isdir(runtime.root):
                for id in os.listdir(runtime.root):
                    runtime("delete", "--force", id, check=False)
        for base, folders, _ in os.walk("/sys/fs/cgroup"):
            if base.count("/") > 4:
                folders.clear()
            if self.prefix in folders:
                for inner, _, files in os.walk(os.path.join(base, self.prefix), topdown=False):
                    # Podman writes into controllers' folders that no hierarchy is mounted on as if one were.
                    for file in files if "cgroup.procs" not in files else ():
                        with contextlib.suppress(OSError):
                            os.unlink(os.path.join(inner, file))
                    with contextlib.suppress(OSError):
                        os.rmdir(inner)
        shutil.rmtree(self.folder)

    def bundle(self, *args, **changes):
        self.count += 1
        return Bundle(self.folder / f"bundle{self.count}", f"/{self.prefix}/c{self.count}", list(args), **changes)


class Cases(unittest.TextTestResult):
    """A line for each case, as scripts/run_tests.py reads them."""

    def startTest(self, test):
        super().startTest(test)
        self.begun, self.told = time.monotonic(), ("passed", "")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.told = ("failed", "")

    def addError(self, test, err):
        super().addError(test, err)
        self.told = ("failed", "")

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.told = ("failed", "")

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.told = ("skipped", f" -- {reason}")

    def stopTest(self, test):
        outcome, reason = self.told
        print(f"case {outcome} {int((time.monotonic() - self.begun) * 1000)} ms {test.id().rpartition('.')[2]}{reason}", flush=True)
        super().stopTest(test)


def main():
    unittest.main(argv=[sys.argv[0], *sys.argv[1:]], testRunner=unittest.TextTestRunner(resultclass=Cases, verbosity=2))
