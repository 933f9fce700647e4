#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Those for whom the command is made: Debian's Podman and containerd's runc shim run, enter, pause and remove containers with it."""
import os
import shutil
import subprocess

from bundle import APPLETS, BIN, OciTest, main, until

PROGRAM = str(BIN / "keelson-oci")


def root_tree(path):
    for name in ("bin", "etc", "tmp", "dev", "proc", "sys"):
        (path / name).mkdir(parents=True)
    shutil.copy("/bin/busybox", path / "bin/busybox")
    for applet in APPLETS:
        (path / "bin" / applet).symlink_to("busybox")
    return path


class Podman(OciTest):
    def podman(self, *words, code=0):
        base = ["podman", "--root", self.folder / "store", "--runroot", self.folder / "run", "--tmpdir", self.folder / "tmp",
                "--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", "--events-backend", "file", "--runtime", PROGRAM]
        result = subprocess.run([*map(str, base), *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                text=True, timeout=300, env={**os.environ, "TMPDIR": str(self.folder)})
        self.assertEqual(result.returncode, code, f"{words}: {result.stdout}{result.stderr}")
        return result.stdout

    def setUp(self):
        super().setUp()
        image = root_tree(self.folder / "image")
        subprocess.run(["tar", "-C", image, "-cf", self.folder / "image.tar", "."], check=True)
        self.addCleanup(self.podman, "rm", "--force", "--all", "--time", "0")
        self.podman("import", str(self.folder / "image.tar"), "localhost/box:1")
        parent = f"/{self.prefix}"
        # The machine's hard limits may be below Podman's defaults, and may not be raised without CAP_SYS_RESOURCE.
        self.options = ("--network", "none", "--cgroup-parent", parent, "--ulimit", "nofile=512:512", "--ulimit", "nproc=512:512")

    def test_runs_enters_pauses_and_removes(self):
        run = ("run", "--rm", *self.options)
        self.assertIn("uid=7", self.podman(*run, "--user", "7", "localhost/box:1", "/bin/sh", "-c", "id; exit 4", code=4))
        self.podman(*run, "localhost/box:1", "/bin/nothing", code=127)
        self.podman(*run, "localhost/box:1", "/etc", code=126)
        self.assertIn("/dev/pts/0", self.podman(*run, "--tty", "localhost/box:1", "/bin/tty"))
        self.podman("run", "--detach", "--name", "one", *self.options, "localhost/box:1", "/bin/sleep", "1000")
        self.assertIn("uid=0", self.podman("exec", "one", "/bin/sh", "-c", "id; exit 6", code=6))
        self.podman("pause", "one")
        self.assertIn("paused", self.podman("inspect", "--format", "{{.State.Status}}", "one"))
        self.podman("unpause", "one")
        self.assertIn("sleep 1000", self.podman("top", "one", "args"))
        self.podman("kill", "one")
        self.assertEqual(self.podman("wait", "one").strip(), "137")
        self.podman("start", "one")
        self.podman("rm", "--force", "--time", "0", "one")

    def test_runs_in_a_user_namespace(self):
        out = self.podman("run", "--rm", *self.options, "--uidmap", "0:300000:65536", "localhost/box:1", "/bin/cat", "/proc/self/uid_map")
        self.assertEqual(out.split(), ["0", "300000", "65536"])


class Containerd(OciTest):
    def ctr(self, *words, code=0):
        result = subprocess.run(["ctr", "--address", str(self.folder / "c.sock"), *map(str, words)], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=300)
        self.assertEqual(result.returncode, code, f"{words}: {result.stdout}{result.stderr}")
        return result.stdout

    def setUp(self):
        super().setUp()
        self.root = root_tree(self.folder / "image")
        (self.folder / "config.toml").write_text(f'''version = 2
root = "{self.folder}/lib"
state = "{self.folder}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
[grpc]
address = "{self.folder}/c.sock"
''')
        with open(self.folder / "log", "wb") as log:
            daemon = subprocess.Popen(["containerd", "--config", self.folder / "config.toml"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.addCleanup(daemon.wait)
        self.addCleanup(daemon.kill)
        until(lambda: subprocess.run(["ctr", "--address", str(self.folder / "c.sock"), "version"], stdout=subprocess.DEVNULL,
                                     stderr=subprocess.DEVNULL).returncode == 0, "containerd answers")

    def test_the_shim_runs_enters_pauses_and_removes(self):
        name = self.prefix + "-one"
        options = ("--runc-binary", PROGRAM, "--cgroup", f"/{self.prefix}/ctr", "--rootfs", self.root)
        self.assertIn("uid=0", self.ctr("run", "--rm", *options, self.prefix + "-a", "/bin/sh", "-c", "id; exit 3", code=3))
        result = self.ctr("run", "--detach", *options, name, "/bin/sleep", "1000")

        def gone():
            self.ctr("tasks", "kill", "--signal", "SIGKILL", name)
            until(lambda: "STOPPED" in self.ctr("tasks", "ls"), "the task stops")
            self.ctr("tasks", "delete", name)
            self.ctr("containers", "rm", name)
        self.addCleanup(gone)
        self.assertIn("uid=0", self.ctr("tasks", "exec", "--exec-id", "e", name, "/bin/sh", "-c", "id; exit 5", code=5))
        self.ctr("tasks", "pause", name)
        self.assertIn("PAUSED", self.ctr("tasks", "ls"))
        self.ctr("tasks", "resume", name)
        self.assertIn("memory", self.ctr("tasks", "metrics", name))
        self.assertEqual(result, "")


if __name__ == "__main__":
    main()
