#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the suites of others and runtime-spec 1.3 look at: the order of mounts, rights that cannot be had, network devices, memory policy,
groups below the container's, sockets of a service manager, words and exit codes."""
import array
import json
import os
import select
import signal
import socket
import subprocess

from bundle import PATIENCE, OciTest, main, until


class Further(OciTest):
    def run_in(self, bundle, *words, code=0, **more):
        bundle.write()
        result = self.oci("run", "--bundle", bundle.path, *words, "c", check=False, **more)
        self.assertEqual(result.returncode, code, result.stderr)
        return result.stdout

    def test_mounts_are_made_in_the_listed_order_under_their_names(self):
        bundle = self.bundle("cat", "/proc/self/mountinfo")
        bundle.config["mounts"][3]["source"] = "my-shm"
        seen = [line.split() for line in self.run_in(bundle).splitlines()]
        listed = [m["destination"] for m in bundle.config["mounts"]]
        self.assertEqual([fields[4] for fields in seen if fields[4] in listed][:len(listed)], listed)
        self.assertEqual({f[4]: f[-2] for f in seen}["/dev/shm"], "my-shm")
        self.assertEqual({f[4]: f[-2] for f in seen}["/proc"], "proc")

    def test_a_tmpfs_looks_as_what_it_covers(self):
        bundle = self.bundle("stat", "-c", "%a", "/tmp", "/new")
        os.chmod(bundle.path / "rootfs/tmp", 0o5710)
        for place in ("/tmp", "/new"):
            bundle.config["mounts"].append({"destination": place, "type": "tmpfs", "source": "tmpfs"})
        self.assertEqual(self.run_in(bundle).split(), ["5710", "1777"])

    def test_links_that_lead_to_nothing_lead_to_what_is_made(self):
        bundle = self.bundle("cat", "/tmp/not/there/hosts", "/etc/trailing")
        (self.folder / "file").write_text("mounted\n")
        (bundle.path / "rootfs/etc/through").symlink_to("../../tmp/not")
        (bundle.path / "rootfs/etc/trailing").symlink_to("/tmp/leaf")
        for place in ("/etc/through/there/hosts", "/etc/trailing"):
            bundle.config["mounts"].append({"destination": place, "source": str(self.folder / "file"), "options": ["bind"]})
        self.assertEqual(self.run_in(bundle), "mounted\n" * 2)
        self.assertFalse((self.folder / "tmp").exists())

    def test_a_bind_may_show_what_an_earlier_mount_put_into_the_root(self):
        bundle = self.bundle("cat", "/final/below/file")
        (self.folder / "below").mkdir()
        (self.folder / "below/file").write_text("seen\n")
        root = bundle.path / "rootfs"
        for source, place in ((self.folder, "/mnt"), (root / "mnt", root / "final")):
            bundle.config["mounts"].append({"destination": str(place), "type": "bind", "source": str(source), "options": ["rbind"]})
        self.assertEqual(self.run_in(bundle), "seen\n")

    def test_capabilities_that_cannot_be_had_are_a_warning(self):
        bundle = self.bundle("grep", "CapAmb", "/proc/self/status")
        caps = bundle.config["process"]["capabilities"]
        caps["inheritable"], caps["ambient"] = ["CAP_KILL"], ["CAP_KILL", "CAP_CHOWN"]
        bundle.write()
        result = self.oci("run", "--bundle", bundle.path, "c")
        self.assertIn("can't raise ambient capability CAP_CHOWN", result.stderr)
        self.assertEqual(int(result.stdout.split()[1], 16), 1 << 5)

    def test_of_a_variable_named_twice_the_last_counts_and_an_empty_home_is_none(self):
        bundle = self.bundle("env")
        bundle.config["process"]["env"] = ["ONE=1", "PATH=/bin", "HOME=", "ONE=2"]
        self.assertEqual(sorted(self.run_in(bundle).split()), ["HOME=/root", "ONE=2", "PATH=/bin"])

    def test_a_memory_policy(self):
        bundle = self.bundle("dd", "if=/proc/self/numa_maps", "bs=40", "count=1")
        bundle.config["linux"]["memoryPolicy"] = {"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES"]}
        self.assertIn("bind=static:0", self.run_in(bundle))
        for policy, word in (({"mode": "BIND"}, "invalid memory policy mode"), ({"mode": "MPOL_BIND", "nodes": "0-5000"}, "nodes"),
                             ({"mode": "MPOL_BIND", "nodes": "0", "flags": ["x"]}, "invalid memory policy flag"),
                             ({"mode": "MPOL_DEFAULT", "nodes": "0-7"}, "mode requires 0 nodes but got 8")):
            bundle.config["linux"]["memoryPolicy"] = policy
            bundle.write()
            self.assertIn(word, self.oci("run", "--bundle", bundle.path, "c", check=False).stderr)

    def test_devices_of_the_network_move_in_with_name_and_addresses(self):
        bundle = self.bundle("sh", "-c", "ip address show dev inside; ip link show dev outside 2>/dev/null || echo gone")
        os.symlink("busybox", bundle.path / "rootfs/bin/ip")
        bundle.config["linux"]["netDevices"] = {"outside": {"name": "inside"}}
        bundle.write()
        # In a namespace of its own, so that the machine's links are not touched.
        words = " ".join([self.oci.program, "--root", self.oci.root, "run", "--bundle", str(bundle.path), "c"])
        script = ("ip link add outside address 0a:00:00:00:00:07 mtu 1789 type veth peer name rest && ip address add 169.254.169.77/32 dev outside && "
                  f"ip address add 127.0.0.33 dev outside scope host && {words} && {words.replace(' c', ' again')}")
        result = subprocess.run(["unshare", "--net", "sh", "-c", script], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, timeout=120)
        for word in ("169.254.169.77/32", "mtu 1789", "0a:00:00:00:00:07", "gone"):
            self.assertIn(word, result.stdout)
        self.assertNotIn("127.0.0.33", result.stdout)
        # It went with the first container's namespace.
        self.assertIn("link not found for interface outside", result.stderr)
        bundle.namespaces("pid", "ipc", "uts", "mount")
        bundle.write()
        self.assertIn("linux.netDevices needs", self.oci("run", "--bundle", bundle.path, "c", check=False).stderr)

    def test_a_group_with_somebody_in_it_is_left_alone(self):
        first = self.bundle("sleep", "1000").write()
        self.oci.make("one", first)
        self.oci("start", "one")
        second = self.bundle("true")
        second.config["linux"]["cgroupsPath"] = first.config["linux"]["cgroupsPath"]
        self.assertIn("cgroup is not empty", self.oci.make("two", second.write(), check=False).text)
        self.assertEqual(self.oci.status("one"), "running")

    def test_exec_goes_into_a_group_below(self):
        bundle = self.bundle("sleep", "1000").write()
        self.oci.make("c", bundle)
        self.oci("start", "c")
        own = bundle.config["linux"]["cgroupsPath"]
        v2 = os.path.exists("/sys/fs/cgroup/cgroup.controllers")
        os.mkdir(("/sys/fs/cgroup" if v2 else "/sys/fs/cgroup/pids") + own + "/below")
        prefix = "" if v2 else "pids:"
        out = self.oci("exec", "--cgroup", prefix + "below", "c", "cat", "/proc/self/cgroup").stdout
        self.assertTrue(any(line.endswith(own + "/below") for line in out.splitlines()), out)
        for place, word in (("..", "bad sub cgroup path"), ("../sibling", "bad sub cgroup path"), ("nowhere", "o such file or directory")):
            result = self.oci("exec", "--cgroup", prefix + place, "c", "true", check=False)
            self.assertEqual(result.returncode, 255)
            self.assertIn(word, result.stderr)
        if not v2:
            self.assertIn("unknown controller", self.oci("exec", "--cgroup", "whaaat:/", "c", "true", check=False).stderr)

    def test_execs_own_errors_are_no_exit_code_of_a_program(self):
        bundle = self.bundle("sleep", "1000").write()
        self.oci.make("c", bundle)
        self.oci("start", "c")
        (bundle.path / "rootfs/script").write_text("#!/nowhere\n")
        (bundle.path / "rootfs/script").chmod(0o755)
        result = self.oci("exec", "c", "/script", check=False)
        self.assertEqual((result.returncode, result.stderr), (255, "exec /script: no such file or directory\n"))
        self.assertEqual(self.oci("exec", "nobody", "true", check=False).returncode, 255)

    def test_hands_over_sockets_of_a_service_manager(self):
        bundle = self.bundle("sh", "-c", "echo $LISTEN_FDS $LISTEN_PID; readlink /proc/self/fd/3")
        bundle.write()
        with socket.socket(socket.AF_UNIX) as listener:
            words = [self.oci.program, "--root", self.oci.root, "run", "--bundle", str(bundle.path), "c"]

            def ready():
                os.dup2(listener.fileno(), 3)
                os.set_inheritable(3, True)
                os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
                os.execv(words[0], words)
            read, write = os.pipe()
            child = os.fork()
            if child == 0:
                os.dup2(write, 1)
                os.close(read)
                ready()
            os.close(write)
            with os.fdopen(read) as out:
                text = out.read().split()
            self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 0)
        self.assertEqual((text[:2], text[2].startswith("socket:")), (["1", "1"], True), text)

    def test_a_pidfd_goes_to_who_listens(self):
        path = str(self.folder / "pidfd")
        bundle = self.bundle("sleep", "1000").write()
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen(1)
            self.oci.make("c", bundle, "--pidfd-socket", path)
            peer, _ = listener.accept()
            with peer:
                _, ancillary, _, _ = peer.recvmsg(64, socket.CMSG_SPACE(4))
        pidfd = array.array("i", ancillary[0][2])[0]
        self.assertIn(f"Pid:\t{self.oci.state('c')['pid']}", open(f"/proc/self/fdinfo/{pidfd}").read())
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        select.select([pidfd], [], [])
        os.close(pidfd)
        self.oci.ended("c")

    def test_who_waits_for_its_start_ends_by_a_signal(self):
        bundle = self.bundle("true").write()
        for number in ("TERM", "INT", "HUP"):
            self.oci.make("c" + number, bundle)
            self.oci("kill", "c" + number, number)
            self.oci.ended("c" + number)
            self.oci("delete", "c" + number)

    def test_clocks_of_its_own_in_a_user_namespace(self):
        os.chmod(self.folder, 0o755)
        bundle = self.bundle("cat", "/proc/self/timens_offsets")
        mapping = [{"containerID": 0, "hostID": 300000, "size": 65536}]
        bundle.config["linux"].update(uidMappings=mapping, gidMappings=mapping, timeOffsets={"boottime": {"secs": 1337}})
        bundle.config["linux"].pop("resources")
        bundle.namespaces("pid", "network", "ipc", "uts", "mount", "user", "time")
        subprocess.run(["chown", "-R", "300000:300000", bundle.path / "rootfs"], check=True)
        self.assertIn("1337", self.run_in(bundle))

    def test_features_name_what_runtime_spec_1_3_asks_for(self):
        features = json.loads(self.oci("features").stdout)
        self.assertIn("MPOL_BIND", features["linux"]["memoryPolicy"]["modes"])
        self.assertTrue(features["linux"]["netDevices"]["enabled"])
        self.assertEqual(features["linux"]["intelRdt"], {"enabled": False, "monitoring": False, "schemata": False})


class ServiceManager(OciTest):
    """Whoever waits at NOTIFY_SOCKET hears that the program is ready, and nothing else that it writes."""

    def setUp(self):
        super().setUp()
        self.path = self.folder / "manager"
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.manager.close)
        self.manager.bind(str(self.path))
        self.manager.settimeout(PATIENCE)
        self.environment = {**os.environ, "NOTIFY_SOCKET": str(self.path)}

    def call(self, *words):
        with open(self.folder / "said", "wb") as out:
            process = subprocess.Popen([self.oci.program, "--root", self.oci.root, *map(str, words)], stdin=subprocess.DEVNULL, stdout=out,
                                       stderr=out, env=self.environment)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def say(self, *lines):
        """As the program would, in its root."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as own:
            for line in lines:
                own.sendto(line, f"/proc/{self.oci.state('c')['pid']}/root{self.path}/notify")

    def hear(self):
        return self.manager.recv(100)

    def test_start_waits_and_hands_over(self):
        bundle = self.bundle("sh", "-c", "env; ls $(cat /proc/self/mountinfo | grep -o '/[^ ]*/manager '); sleep 1000").write()
        self.oci.make("c", bundle, env=self.environment)
        start = self.call("start", "c")
        until(lambda: "\nnotify\n" in (bundle.path / "out-c").read_text(), "the program looks around")
        self.assertIn(f"NOTIFY_SOCKET={self.path}/notify\n", (bundle.path / "out-c").read_text())
        self.assertIsNone(start.poll())
        self.say(b"STATUS=x\nMAINPID=1\n", b"READY=10", b"x" * 9000, b"STATUS=y\nREADY=1\nMAINPID=1")
        self.assertEqual((self.hear(), self.hear()), (b"READY=1", b"MAINPID=%d" % self.oci.state("c")["pid"]))
        self.assertEqual(start.wait(PATIENCE), 0)

    def test_run_in_the_foreground_goes_on(self):
        bundle = self.bundle("sleep", "1000").write()
        run = self.call("run", "--bundle", bundle.path, "c")
        until(lambda: self.oci("state", "c", check=False).returncode == 0 and self.oci.status("c") == "running", "it runs")
        self.say(b"READY=1")
        self.assertEqual(self.hear(), b"READY=1")
        self.oci("kill", "c", "KILL")
        self.assertEqual(run.wait(PATIENCE), 137)
        self.manager.setblocking(False)
        self.assertRaises(BlockingIOError, self.hear)

    def test_one_that_ends_without_a_word_holds_nobody_up(self):
        self.assertEqual(self.call("run", "--detach", "--bundle", self.bundle("true").write().path, "c").wait(PATIENCE), 0)
        own = self.bundle("env")
        own.config["process"]["env"].append("NOTIFY_SOCKET=/own")
        self.assertIn("NOTIFY_SOCKET=/own\n", self.oci("run", "--bundle", own.write().path, "d", env=self.environment).stdout)
        self.manager.setblocking(False)
        self.assertRaises(BlockingIOError, self.hear)


if __name__ == "__main__":
    main()
