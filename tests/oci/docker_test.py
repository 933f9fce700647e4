#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Debian's Docker with keelson-oci as its runtime: everything that its users do with a container all day. The daemon has namespaces
of mounts, networks and processes of its own, and folders, a socket and a cgroup of the test's: nothing of it is left when they end."""
import json
import os
import pathlib
import shutil
import subprocess
import sys

from bundle import BIN, PATIENCE, OciTest, main, until
from callers_test import root_tree

INSIDE = "KEELSON_DOCKER_INSIDE"
USERS = 3000000000  # of the remapped daemon


class Docker(OciTest):
    options = ()

    def setUp(self):
        super().setUp()
        if shutil.which("dockerd") is None:
            self.skipTest("no dockerd on this machine (Debian's docker.io; scripts/deps.sh installs it)")
        self.v1 = os.path.isdir("/sys/fs/cgroup/memory")
        self.socket = f"unix://{self.folder}/d.sock"
        self.start_daemon()
        image = root_tree(self.folder / "image")
        (image / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\nweb:x:7:8::/:/bin/sh\n")
        (image / "etc/group").write_text("root:x:0:\nweb:x:8:\n")
        subprocess.run(["tar", "-C", image, "-cf", self.folder / "image.tar", "."], check=True)
        self.docker("import", self.folder / "image.tar", "box:1")
        self.run = ("run", "--network", "none")

    def start_daemon(self):
        (self.folder / "daemon.json").write_text(json.dumps({
            "runtimes": {"keelson": {"path": str(BIN / "keelson-oci")}}, "default-runtime": "keelson", "data-root": f"{self.folder}/data",
            "exec-root": f"{self.folder}/exec", "pidfile": f"{self.folder}/d.pid", "hosts": [self.socket], "storage-driver": "vfs",
            "bridge": "none", "iptables": False, "ip-forward": False, "ip-masq": False, "cgroup-parent": f"/{self.prefix}",
            "oom-score-adjust": 0, "exec-opts": ["native.cgroupdriver=cgroupfs"]}))
        with open(self.folder / "log", "wb") as log:
            daemon = subprocess.Popen(["dockerd", "--config-file", self.folder / "daemon.json", *self.options], stdin=subprocess.DEVNULL,
                                      stdout=log, stderr=log, env={**os.environ, "TMPDIR": str(self.folder)})
        self.addCleanup(daemon.wait)
        self.addCleanup(daemon.terminate)
        self.addCleanup(self.remove_all)

        def answers():
            self.assertIsNone(daemon.poll(), (self.folder / "log").read_text()[-3000:])
            return subprocess.run(self.words("version"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0
        until(answers, "dockerd answers")

    def remove_all(self):
        ids = self.docker("ps", "--all", "--quiet").split()
        if ids:
            self.docker("rm", "--force", *ids)

    def words(self, *words):
        return ["docker", "--host", self.socket, *map(str, words)]

    def call(self, *words, **more):
        environment = {**os.environ, "HOME": str(self.folder), "DOCKER_BUILDKIT": "0"}
        return subprocess.run(self.words(*words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=3 * PATIENCE, env=environment,
                              **{"stdin": subprocess.DEVNULL, **more})

    def docker(self, *words, code=0):
        result = self.call(*words)
        self.assertEqual(result.returncode, code, f"{words}: {result.stdout}{result.stderr}")
        return result.stdout

    def inspect(self, name, what):
        return self.docker("inspect", "--format", "{{" + what + "}}", name).strip()

    def output(self, *words, code=0):
        return self.docker(*self.run, "--rm", *words, code=code)


class Everyday(Docker):
    def test_runs_as_it_is_asked_to(self):
        self.assertIn("keelson", self.docker("info", "--format", "{{.DefaultRuntime}}"))
        self.assertEqual(self.output("--user", "web", "--env", "A=b", "--workdir", "/tmp", "box:1", "/bin/sh", "-c", "id -u; pwd; echo $A; exit 4",
                                     code=4).split(), ["7", "/tmp", "b"])
        self.output("box:1", "/bin/nothing", code=127)
        self.output("box:1", "/etc", code=126)
        self.assertIn("/dev/pts/0", self.output("--tty", "box:1", "/bin/tty"))
        self.assertIn("docker-init", self.output("--init", "box:1", "/bin/sh", "-c", "cat /proc/1/cmdline"))
        self.assertEqual(self.call(*self.run, "--rm", "--interactive", "box:1", "/bin/cat", stdin=None, input="through\n").stdout, "through\n")
        limits = ("--memory", "64m", "--pids-limit", "33", "--cpus", "0.5", "--ulimit", "nofile=100:200", "--hostname", "boxed")
        files = ("memory/memory.limit_in_bytes", "pids/pids.max", "cpu/cpu.cfs_quota_us") if self.v1 else ("memory.max", "pids.max", "cpu.max")
        told = self.output(*limits, "box:1", "/bin/sh", "-c", "cd /sys/fs/cgroup; cat " + " ".join(files) + "; ulimit -n; hostname").split("\n")
        self.assertEqual(told[:2] + [told[2].split()[0]] + told[3:5], [str(64 << 20), "33", "50000", "100", "boxed"])
        narrow = ("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--volume", f"{self.folder}:/data:ro")
        told = self.output(*narrow, "box:1", "/bin/sh", "-c", "touch /etc/x || touch /data/x || touch /tmp/x && grep -E '^(CapEff|NoNewPrivs)' /proc/self/status")
        self.assertEqual(told.split(), ["CapEff:", "0" * 16, "NoNewPrivs:", "1"])
        self.assertEqual(self.docker("ps", "--all", "--quiet"), "")

    def test_lives_through_what_is_done_to_it(self):
        self.docker(*self.run, "--detach", "--name", "one", "box:1", "/bin/sh", "-c",
                    "echo to out; echo to err >&2; trap 'echo asked; exit 5' TERM; while true; do sleep 0.1; done")
        until(lambda: "to out" in self.docker("logs", "one"), "the container writes")
        self.assertIn("to err", self.call("logs", "one").stderr)
        self.assertEqual(self.docker("exec", "--env", "A=b", "--user", "7", "one", "/bin/sh", "-c", "id -u; echo $A; exit 6", code=6).split(), ["7", "b"])
        self.assertIn("/dev/pts/", self.docker("exec", "--tty", "one", "/bin/tty"))
        self.docker("exec", "--detach", "one", "/bin/sh", "-c", "echo done > /tmp/detached")
        until(lambda: self.call("exec", "one", "/bin/cat", "/tmp/detached").stdout == "done\n", "a detached command")
        self.docker("exec", "one", "/bin/nothing", code=126)  # what this Docker makes of it, with runc too
        self.assertIn("trap", self.docker("top", "one"))
        stats = json.loads(self.docker("stats", "--no-stream", "--format", "{{json .}}", "one"))
        self.assertGreater(int(stats["PIDs"]), 0)
        self.assertFalse(stats["MemUsage"].startswith("0B"), stats)
        self.docker("pause", "one")
        self.assertEqual(self.inspect("one", ".State.Status"), "paused")
        self.docker("unpause", "one")
        self.docker("update", "--memory", "96m", "--memory-swap", "96m", "one")
        file = "/sys/fs/cgroup/memory/memory.limit_in_bytes" if self.v1 else "/sys/fs/cgroup/memory.max"
        self.assertEqual(self.docker("exec", "one", "/bin/cat", file), f"{96 << 20}\n")
        self.docker("stop", "--time", "100", "one")
        self.assertEqual((self.inspect("one", ".State.ExitCode"), self.inspect("one", ".State.Status")), ("5", "exited"))
        self.assertTrue(self.docker("logs", "one").endswith("asked\n"))
        self.docker("start", "one")
        self.docker("kill", "one")
        self.assertEqual(self.docker("wait", "one").strip(), "137")
        self.docker("restart", "one")
        self.assertEqual(self.inspect("one", ".State.Running"), "true")
        self.docker("rm", "--force", "one")

    def test_looks_after_health_and_starts_again(self):
        check = ("--health-interval", "1s", "--health-retries", "1", "--health-timeout", "100s")
        self.docker(*self.run, "--detach", "--name", "well", "--health-cmd", "test -e /etc/passwd || ls /etc/passwd", *check, "box:1", "/bin/sleep", "1000")
        self.docker(*self.run, "--detach", "--name", "ill", "--health-cmd", "false", *check, "box:1", "/bin/sleep", "1000")
        self.docker(*self.run, "--detach", "--name", "again", "--restart", "on-failure:2", "box:1", "/bin/false")
        until(lambda: self.inspect("well", ".State.Health.Status") == "healthy", "a check that succeeds")
        until(lambda: self.inspect("ill", ".State.Health.Status") == "unhealthy", "a check that fails")
        until(lambda: self.inspect("again", ".RestartCount") == "2" and self.inspect("again", ".State.Status") == "exited", "two more starts")

    def test_builds_and_copies(self):
        context = self.folder / "context"
        context.mkdir()
        (context / "Dockerfile").write_text('FROM box:1\nRUN ["/bin/sh", "-c", "id -u > /etc/built"]\nCMD ["/bin/cat", "/etc/built"]\n')
        self.docker("build", "--network", "none", "--tag", "built:1", context)
        self.assertEqual(self.output("built:1"), "0\n")
        self.docker(*self.run, "--detach", "--name", "one", "built:1", "/bin/sleep", "1000")
        self.docker("cp", "one:/etc/built", self.folder / "copied")
        self.assertEqual((self.folder / "copied").read_text(), "0\n")


class OtherUsers(Docker):
    """Docker's --userns-remap: root of a container is nobody on the machine."""
    options = ("--userns-remap", "64123:64123")

    def start_daemon(self):
        for file, line in {"passwd": "boxer:x:64123:64123::/:/bin/sh\n", "group": "boxer:x:64123:\n", "subuid": f"boxer:{USERS}:65536\n",
                           "subgid": f"boxer:{USERS}:65536\n"}.items():
            path = pathlib.Path("/etc", file)
            copy = self.folder / file
            copy.write_text((path.read_text() if path.exists() else "") + line)
            path.touch()
            subprocess.run(["mount", "--bind", copy, path], check=True)
            self.addCleanup(subprocess.run, ["umount", "--lazy", path])
        self.folder.chmod(0o755)
        super().start_daemon()

    def test_runs_in_a_user_namespace(self):
        told = self.output("box:1", "/bin/sh", "-c", "id -u; cat /proc/self/uid_map; touch /etc/mine; stat -c %u /etc/mine").split()
        self.assertEqual(told, ["0", "0", str(USERS), "65536", "0"])
        self.docker(*self.run, "--detach", "--name", "one", "box:1", "/bin/sleep", "1000")
        self.assertEqual(self.docker("exec", "--tty", "one", "/bin/id", "-u").split(), ["0"])
        self.docker("stop", "--time", "0", "one")


if __name__ == "__main__":
    if os.geteuid() == 0 and INSIDE not in os.environ:
        os.execvpe("unshare", ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private",
                               sys.executable, os.path.abspath(__file__), *sys.argv[1:]], {**os.environ, INSIDE: "1"})
    main()
