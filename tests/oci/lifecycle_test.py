#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""create, start, state, kill, delete, run, exec, ps, list, pause, update, events: on the real kernel, and the same commands beside
Debian's runc and crun with the same visible results."""
import ctypes
import json
import os
import shutil
import subprocess

from bundle import BIN, OciTest, main, until


class Lifecycle(OciTest):
    def test_goes_through_its_states(self):
        bundle = self.bundle("sh", "-c", "echo ran; exec sleep 1000", annotations={"a.b": "c"}).write()
        pid_file = self.folder / "pid"
        self.oci.make("c", bundle, "--pid-file", str(pid_file))
        state = self.oci.state("c")
        self.assertEqual((state["status"], state["id"], state["bundle"], state["annotations"]),
                         ("created", "c", str(bundle.path), {"a.b": "c"}))
        self.assertEqual(state["ociVersion"], "1.0.2")
        self.assertEqual(int(pid_file.read_text()), state["pid"])
        self.assertEqual((bundle.path / "out-c").read_text(), "", "nothing runs before start")
        self.oci("start", "c")
        self.assertEqual(self.oci.status("c"), "running")
        until(lambda: (bundle.path / "out-c").read_text() == "ran\n", "the program's word")
        self.assertIn("cannot delete container c that is not stopped", self.oci("delete", "c", check=False).stderr)
        self.assertNotEqual(self.oci("start", "c", check=False).returncode, 0)
        self.oci("kill", "c", "KILL")
        self.oci.ended("c")
        self.assertEqual(self.oci.state("c")["pid"], 0)
        self.assertIn("container not running", self.oci("kill", "c", check=False).stderr)
        self.oci("delete", "c")
        self.assertIn("does not exist", self.oci("state", "c", check=False).stderr)
        self.assertEqual(self.oci("delete", "--force", "c").stdout, "")

    def test_the_configuration_may_lie_elsewhere(self):
        bundle = self.bundle("echo", "elsewhere").write()
        (bundle.path / "config").mkdir()
        (bundle.path / "config.json").rename(bundle.path / "config/other.json")
        self.assertEqual(self.oci("run", "--bundle", bundle.path, "--config", "config/other.json", "c").stdout, "elsewhere\n")
        self.assertEqual(self.oci("run", "-b", bundle.path, "-f", bundle.path / "config/other.json", "c").stdout, "elsewhere\n")
        self.assertIn("config.json", self.oci("run", "--bundle", bundle.path, "c", check=False).stderr)

    def test_many_are_deleted_by_an_expression(self):
        for id in ("red-1", "red-2", "blue-1"):
            self.oci.make(id, self.bundle("sleep", "1000").write())
        self.oci("start", "red-1")
        self.assertIn("not stopped", self.oci("delete", "--regex", "^(red|green)-", check=False).stderr)
        self.assertEqual(sorted(self.oci("list", "-q").stdout.split()), ["blue-1", "red-1"])
        self.oci("delete", "--force", "--regex", "^red")
        self.assertEqual(self.oci("list", "-q").stdout.split(), ["blue-1"])
        self.assertIn("--regex", self.oci("delete", "--regex", "(", check=False).stderr)
        self.oci("delete", "--regex", "nobody")

    def test_an_id_is_taken_once_and_must_be_plain(self):
        bundle = self.bundle("sleep", "1000").write()
        self.oci.make("c", bundle)
        self.assertIn("already exists", self.oci.make("c", bundle, check=False).text)
        for bad in ("..", "a/b", "", "a b", "."):
            self.assertNotEqual(self.oci.make(bad, bundle, check=False).returncode, 0, bad)

    def test_nothing_is_left_of_a_create_that_fails(self):
        bundle = self.bundle("nothing-of-that-name").write()
        result = self.oci.make("c", bundle, check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn("executable file not found in $PATH", result.text)
        self.assertEqual(os.listdir(self.oci.root), [])
        found = subprocess.run(["find", "/sys/fs/cgroup", "-path", f"*{self.prefix}/c1"], stdout=subprocess.PIPE).stdout
        self.assertEqual(found, b"")

    def test_errors_go_to_the_log_as_a_shim_reads_them(self):
        log = self.folder / "log.json"
        subprocess.run([self.oci.program, "--root", self.oci.root, "--log", log, "--log-format", "json", "start", "none"],
                       stderr=subprocess.DEVNULL)
        line = json.loads(log.read_text())
        self.assertEqual((line["level"], line["msg"]), ("error", 'container "none" does not exist'))

    def test_debug_tells_the_steps_where_the_log_is(self):
        bundle = self.bundle("sleep", "1000").write()
        steps = ("nsexec container setup", "child process in init()", "init: closing the pipe to signal completion")
        log = self.folder / "log.json"
        self.oci("--debug", "--log", log, "--log-format", "json", "run", "--detach", "--bundle", bundle.path, "c",
                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        self.assertEqual({line["level"] for line in lines}, {"debug"})
        for step, line in zip(steps, lines, strict=True):
            self.assertIn(step, line["msg"])
        found = self.oci("--debug", "exec", "c", "true").stderr
        for step in (*steps[:2], "nsexec: affinity: 0x", "setns_init: about to exec"):
            self.assertIn(step, found)
        self.assertIn("level=debug", found)
        self.assertNotIn("debug", self.oci("exec", "c", "true").stderr)

    def test_checkpoint_is_refused_with_a_sentence(self):
        self.assertIn("not supported", self.oci("checkpoint", "c", check=False).stderr)

    def test_signals_go_to_the_program_and_its_end_comes_back(self):
        bundle = self.bundle("sh", "-c", "trap 'exit 7' USR1; echo up; while true; do sleep 0.1; done").write()
        run = subprocess.Popen([self.oci.program, "--root", self.oci.root, "run", "--bundle", str(bundle.path), "c"],
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        self.assertEqual(run.stdout.readline(), b"up\n")
        run.send_signal(10)
        self.assertEqual(run.wait(120), 7)
        run.stdout.close()
        self.assertEqual(self.oci("list", "-q").stdout, "")

    def test_pauses_resumes_limits_and_counts(self):
        bundle = self.bundle("sleep", "1000").write()
        self.oci.make("c", bundle)
        self.oci("start", "c")
        self.oci("pause", "c")
        self.assertEqual(self.oci.status("c"), "paused")
        self.assertIn("paused", self.oci("exec", "c", "true", check=False).stderr)
        self.oci("resume", "c")
        self.assertEqual(self.oci.status("c"), "running")
        self.assertIn("cannot be resumed", self.oci("resume", "c", check=False).stderr)
        self.oci("update", "--pids-limit", "77", "c")
        self.oci("update", "--resources", "-", "c", stdin=None, input='{"memory":{"limit":134217728}}')
        stats = json.loads(self.oci("events", "--stats", "c").stdout)
        self.assertEqual((stats["type"], stats["id"], stats["data"]["pids"]["limit"]), ("stats", "c", 77))
        self.assertEqual(stats["data"]["memory"]["usage"]["limit"], 134217728)
        # v1's kernel refuses it anyway; on v2 it would kill.
        careful = '{"memory":{"limit":1024,"checkBeforeUpdate":true}}'
        self.assertNotEqual(self.oci("update", "--resources", "-", "c", stdin=None, input=careful, check=False).returncode, 0)
        self.assertEqual(self.oci.status("c"), "running")
        self.assertEqual(json.loads(self.oci("ps", "-f", "json", "c").stdout), [self.oci.state("c")["pid"]])
        self.assertIn("sleep 1000", self.oci("ps", "c").stdout)

    def test_keys_are_the_containers_own_and_its_commands(self):
        libc = ctypes.CDLL(None, use_errno=True)
        libc.syscall.restype = ctypes.c_long
        if libc.syscall(250, 1, None) < 0:  # keyctl(KEYCTL_JOIN_SESSION_KEYRING)
            self.skipTest("this kernel has no keys, or a filter forbids them")
        self.assertGreater(libc.syscall(248, b"user", b"ours", b"x", ctypes.c_size_t(1), -3), 0)  # add_key into the session's keyring
        for runtime in (r for r in self.runtimes.values() if r.program and r.name in ("keelson-oci", "runc")):
            for words, ours in (((), "is not there"), (("--no-new-keyring",), "is found")):
                with self.subTest(runtime=runtime.name, words=words):
                    bundle = self.bundle("sh", "-c", "keys find ours; keys add mine; exec sleep 1000").write()
                    shutil.copy(BIN / "tests/keys_program", bundle.path / "rootfs/bin/keys")
                    runtime.make("k", bundle, *words)
                    runtime("start", "k")
                    until(lambda: (bundle.path / "out-k").read_text() == f"ours {ours}\nmine is added\n", "the program's words")
                    out = runtime("exec", "k", "sh", "-c", "keys find ours; keys find mine").stdout
                    self.assertEqual(out, f"ours {ours}\nmine is found\n")
                    runtime("delete", "--force", "k")
                    libc.syscall(250, 1, None)  # without what that container may have added
                    libc.syscall(248, b"user", b"ours", b"x", ctypes.c_size_t(1), -3)

    def test_exec_has_its_own_user_environment_and_folder(self):
        bundle = self.bundle("sleep", "1000").write()
        self.oci.make("c", bundle)
        self.oci("start", "c")
        script = "id -u; id -g; pwd; echo $A $HOME"
        out = self.oci("exec", "--user", "1000:7", "--env", "A=b", "--cwd", "/tmp", "c", "sh", "-c", script).stdout
        self.assertEqual(out.split(), ["1000", "7", "/tmp", "b", "/srv"])
        strange = self.oci("exec", "--cap", "CAP_OF_TOMORROW", "--cap", "CAP_SYS_CHROOT", "c", "cat", "/proc/self/status")
        self.assertIn("CAP_OF_TOMORROW", strange.stderr)
        self.assertIn(f"CapBnd:\t{0x4_04e1:016x}\n", strange.stdout)
        self.assertEqual(self.oci("exec", "c", "sh", "-c", "exit 9", check=False).returncode, 9)
        self.assertEqual(self.oci("exec", "c", "sh", "-c", "kill -9 $$", check=False).returncode, 137)
        process = self.folder / "process.json"
        process.write_text(json.dumps({"args": ["sh", "-c", "echo $B; umask"], "cwd": "/", "env": ["PATH=/bin", "B=x"],
                                       "user": {"uid": 0, "gid": 0, "umask": 63}}))
        self.assertEqual(self.oci("exec", "--process", process, "c").stdout.split(), ["x", "0077"])
        pid_file = self.folder / "pid"
        self.oci("exec", "--detach", "--pid-file", pid_file, "c", "sleep", "1000", stdout=subprocess.DEVNULL,
                 stderr=subprocess.DEVNULL)
        self.assertIn(int(pid_file.read_text()), json.loads(self.oci("ps", "-f", "json", "c").stdout))

    def test_does_what_runc_and_crun_do(self):
        script = "id; pwd; hostname; env; cat /proc/self/cgroup | grep -c :; ls /dev | grep -v core; ls -l /proc/kcore; " \
                 "cat /proc/self/limits | grep open; grep -E 'Cap|NoNew|Seccomp:' /proc/self/status; " \
                 "echo x > /proc/sys/kernel/msgmax; mount | grep -E ' /(proc|sys|dev)' | cut -d' ' -f3-; exit 5"
        answers = {}
        for name, runtime in self.runtimes.items():
            if name == "crun" and not os.path.exists("/sys/fs/cgroup/cgroup.controllers"):
                continue  # it refuses every machine that has both cgroup v1 and v2
            bundle = self.bundle("sh", "-c", script)
            bundle.config["process"]["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200}]
            bundle.config["linux"]["namespaces"].append({"type": "cgroup"})
            bundle.write()
            result = runtime("run", "--bundle", bundle.path, "c", check=False)
            lines = result.stdout.splitlines()
            # The order of mounts is nobody's promise, and crun makes two more links in /dev.
            answers[name] = (result.returncode, [l for l in lines if " type " not in l], sorted(
                l.split(" type ")[0] for l in lines if " type " in l and not l.startswith("/proc")))
        self.assertEqual(answers["keelson-oci"][0], 5)
        self.assertEqual(answers["keelson-oci"], answers["runc"])
        if "crun" in answers:
            self.assertEqual(answers["keelson-oci"][2], answers["crun"][2])

    def test_words_and_codes_are_those_of_runc(self):
        seen = {}
        for name in ("keelson-oci", "runc"):
            runtime, bundle = self.runtimes[name], self.bundle("sleep", "1000").write()
            codes = []
            runtime.make("c", bundle)
            for words in (("start", "c"), ("exec", "c", "true"), ("exec", "c", "false"), ("start", "c"), ("pause", "c"),
                          ("resume", "c"), ("delete", "c"), ("kill", "c", "SIGKILL")):
                codes.append((words, runtime(*words, check=False).returncode == 0))
            runtime.ended("c")
            for words in (("kill", "c", "KILL"), ("exec", "c", "true"), ("delete", "c"), ("delete", "c"), ("state", "c"),
                          ("delete", "--force", "c")):
                codes.append((words, runtime(*words, check=False).returncode == 0))
            runtime.make("d", self.bundle("sleep", "1000").write())
            codes.append(("a container that was not started is deleted", runtime("delete", "d", check=False).returncode))
            seen[name] = codes
        self.assertEqual(seen["keelson-oci"], seen["runc"])

    def test_kept_descriptors_come_along_and_no_others(self):
        bundle = self.bundle("sh", "-c", "ls /proc/self/fd; cat <&3").write()
        kept = self.folder / "kept"
        kept.write_text("kept\n")
        call = [self.oci.program, "--root", self.oci.root, "run"]

        def with_three(*words, others="4</dev/null"):
            script = f'exec "$@" 3<{kept} {others}'
            return subprocess.run(["sh", "-c", script, "sh", *call, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, timeout=120).stdout.split()
        # ls itself has the folder open.
        self.assertEqual(with_three("--preserve-fds", "1", "--bundle", str(bundle.path), "c"), ["0", "1", "2", "3", "4", "kept"])
        bare = self.bundle("ls", "/proc/self/fd").write()
        self.assertEqual(with_three("--bundle", str(bare.path), "c"), ["0", "1", "2", "3"])
        self.assertEqual(with_three("--preserve-fds", "100", "--bundle", str(bare.path), "c"), ["0", "1", "2", "3", "4", "5"])
        gap = with_three("--preserve-fds", "5", "--bundle", str(bare.path), "c", others="4<&- 5</dev/null")
        self.assertIn("descriptor 4 is not open", " ".join(gap))


if __name__ == "__main__":
    main()
