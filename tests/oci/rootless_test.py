#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Debian's Podman as an ordinary user, with newuidmap and slirp4netns: runs, enters, logs, stops, builds and removes with keelson-oci.
All of it happens in mount and process namespaces of its own: the user stands in copies of the files that name users, and nothing of
it is left when the namespaces end."""
import json
import os
import pathlib
import pty
import select
import shutil
import socket
import stat
import subprocess
import sys
import threading

from bundle import BIN, PATIENCE, OciTest, main, until
from callers_test import root_tree

INSIDE = "KEELSON_ROOTLESS_INSIDE"
NAME, USER, FIRST = "boxer", 64123, 3000000000


def write(path, text, mode=0o644):
    path.write_text(text)
    path.chmod(mode)
    return path


class Rootless(OciTest):
    def setUp(self):
        super().setUp()
        self.folder.chmod(0o755)
        self.own_user()
        self.home = self.folder / "home"
        for place in (self.home, self.folder / "run"):
            place.mkdir(mode=0o700)
            os.chown(place, USER, USER)
        # A checkout may lie where only root can look.
        self.program = shutil.copy(BIN / "keelson-oci", self.folder / "keelson-oci")
        os.chmod(self.program, 0o755)
        image = root_tree(self.folder / "image")
        subprocess.run(["tar", "-C", image, "-cf", self.folder / "image.tar", "."], check=True)
        self.addCleanup(self.podman, "system", "migrate")  # ends the process that keeps the user's namespaces
        self.addCleanup(self.podman, "rm", "--force", "--all", "--time", "0")
        self.podman("import", self.folder / "image.tar", "localhost/box:1")

    def own_user(self):
        lines = {"passwd": f"{NAME}:x:{USER}:{USER}::{self.folder}/home:/bin/sh\n", "group": f"{NAME}:x:{USER}:\n",
                 "subuid": f"{NAME}:{FIRST}:65536\n", "subgid": f"{NAME}:{FIRST}:65536\n"}
        for file, line in lines.items():
            path = pathlib.Path("/etc", file)
            copy = write(self.folder / file, (path.read_text() if path.exists() else "") + line)
            path.touch()
            self.cover(copy, path)
        # Without udev it is root's alone.
        tun = pathlib.Path("/dev/net/tun")
        if tun.exists() and stat.S_IMODE(tun.stat().st_mode) & 0o006 != 0o006:
            devices = self.folder / "devices"
            devices.mkdir()
            subprocess.run(["mount", "-t", "tmpfs", "devices", devices], check=True)
            os.mknod(devices / "tun", stat.S_IFCHR | 0o666, tun.stat().st_rdev)
            os.chmod(devices / "tun", 0o666)
            self.cover(devices / "tun", tun)
            self.addCleanup(subprocess.run, ["umount", "--lazy", devices])
        self.tun = tun.exists()

    def cover(self, source, place):
        subprocess.run(["mount", "--bind", source, place], check=True)
        self.addCleanup(subprocess.run, ["umount", "--lazy", place])

    def words(self, *words):
        return ["podman", "--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", "--events-backend", "file", "--runtime", self.program,
                *map(str, words)]

    def as_user(self):
        return {"cwd": self.home, "user": USER, "group": USER, "extra_groups": [], "stdin": subprocess.DEVNULL,
                "env": {"PATH": os.environ["PATH"], "HOME": str(self.home), "XDG_RUNTIME_DIR": str(self.folder / "run"), "USER": NAME,
                        "TMPDIR": str(self.home), "LC_ALL": "C.UTF-8"}}

    def podman(self, *words, code=0):
        result = subprocess.run(self.words(*words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=300, **self.as_user())
        self.assertEqual(result.returncode, code, f"{words}: {result.stdout}{result.stderr}")
        return result.stdout

    def output(self, *words, code=0, network="none"):
        """Of a container that ends by itself, from its log: what Podman 4.3 is told by an attached one may lack the end."""
        self.podman("run", "--detach", "--name", "o", "--network", network, *words)
        self.assertEqual(self.podman("wait", "o").strip(), str(code))
        text = self.podman("logs", "o")
        self.podman("rm", "o")
        return text

    def test_runs_as_root_of_its_own_users(self):
        out = self.output("localhost/box:1", "/bin/sh", "-c", "id -u; cat /proc/self/uid_map; exit 4", code=4)
        self.assertEqual(out.split(), ["0", "0", str(USER), "1", "1", str(FIRST), "65536"])
        self.assertEqual(self.output("--user", "7:8", "localhost/box:1", "/bin/sh", "-c", "id -u; id -g").split(), ["7", "8"])
        self.assertEqual(self.output("--userns", "keep-id", "localhost/box:1", "/bin/id", "-u"), f"{USER}\n")
        self.podman("run", "--rm", "--network", "none", "localhost/box:1", "/bin/sh", "-c", "exit 7", code=7)
        self.podman("run", "--rm", "--network", "none", "localhost/box:1", "/bin/nothing", code=127)

    def test_lives_with_logs_commands_and_an_end(self):
        self.podman("run", "--detach", "--name", "one", "--network", "none", "--volume", f"{self.home}:/data:ro", "localhost/box:1", "/bin/sh", "-c",
                    "echo here; touch /data/x || echo closed; trap 'exit 5' TERM; while true; do sleep 0.1; done")
        until(lambda: "closed" in self.podman("logs", "one"), "the container writes")
        self.assertIn("here", self.podman("logs", "one"))
        self.assertIn("one", self.podman("ps", "--format", "{{.Names}}"))
        self.podman("exec", "one", "/bin/sh", "-c", "echo $((6*7)) >/tmp/out; exit 3", code=3)
        until(lambda: self.podman("exec", "one", "/bin/cat", "/tmp/out") == "42\n", "a command's output")
        self.assertEqual(json.loads(self.podman("inspect", "one"))[0]["OCIRuntime"], str(self.program))
        self.podman("stop", "--time", "100", "one")
        self.assertEqual(self.podman("wait", "one").strip(), "5")
        self.podman("start", "one")
        self.podman("kill", "one")
        self.assertEqual(self.podman("wait", "one").strip(), "137")
        self.podman("rm", "one")
        self.assertEqual(self.podman("ps", "--all", "--quiet"), "")

    def test_has_a_terminal(self):
        master, slave = pty.openpty()
        words = self.words("run", "--rm", "--interactive", "--tty", "--network", "none", "localhost/box:1", "/bin/sh")
        with subprocess.Popen(words, **{**self.as_user(), "stdin": slave}, stdout=slave, stderr=slave, start_new_session=True) as shell:
            self.addCleanup(os.close, master)
            os.close(slave)
            told = b""
            for line, answer in ((b"", b"# "), (b"tty; echo a''nswered\n", b"answered")):
                os.write(master, line)
                while answer not in told:
                    self.assertTrue(select.select([master], [], [], PATIENCE)[0], told)
                    told += os.read(master, 4096)
            self.assertIn(b"/dev/pts/0", told)
            os.write(master, b"exit 9\n")
            self.assertEqual(shell.wait(PATIENCE), 9, told)

    def test_reaches_the_machine_through_slirp4netns(self):
        if not self.tun:
            self.skipTest("the kernel has no /dev/net/tun")
        with socket.create_server(("127.0.0.1", 0)) as server:
            threading.Thread(target=self.greet, args=(server,), daemon=True).start()
            out = self.output("localhost/box:1", "/bin/busybox", "nc", "10.0.2.2", str(server.getsockname()[1]),
                              network="slirp4netns:allow_host_loopback=true")
        self.assertEqual(out, "good day\n")

    @staticmethod
    def greet(server):
        peer, _ = server.accept()
        peer.sendall(b"good day\n")
        peer.close()

    def test_builds(self):
        write(self.home / "Containerfile", "FROM localhost/box:1\nRUN /bin/sh -c 'id -u > /etc/built'\nCMD [\"/bin/cat\", \"/etc/built\"]\n")
        self.podman("build", "--isolation", "oci", "--network", "none", "--tag", "localhost/built:1", self.home)
        self.assertEqual(self.output("localhost/built:1"), "0\n")


if __name__ == "__main__":
    if os.geteuid() == 0 and INSIDE not in os.environ:
        os.execvpe("unshare", ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private", sys.executable,
                               os.path.abspath(__file__), *sys.argv[1:]], {**os.environ, INSIDE: "1"})
    main()
