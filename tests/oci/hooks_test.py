#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Hooks: when each runs, in which namespaces, with which state on standard input, and what follows when one fails."""
import fcntl
import json
import os
import pty
import resource
import signal
import subprocess
import termios

from bundle import PATIENCE, OciTest, main, until

KINDS = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")


class Hooks(OciTest):
    def hook(self, name, after="true"):
        return {"path": "/bin/sh", "args": ["sh", "-c", f"cat > {self.folder}/{name}.state; {after}"], "env": ["PATH=/bin:/usr/bin"]}

    def seen(self, name):
        return json.loads((self.folder / f"{name}.state").read_text())

    def test_each_runs_in_its_place_with_the_state(self):
        bundle = self.bundle("sh", "-c", "cat /tmp/started")
        log = self.folder / "order"
        bundle.config["hooks"] = {k: [self.hook(k, f"echo {k} >> {log}")] for k in KINDS if k != "startContainer"}
        # In the container, where its own root is.
        bundle.config["hooks"]["startContainer"] = [{"path": "/bin/sh", "args": ["sh", "-c", "cat > /tmp/started"], "env": ["PATH=/bin"]}]
        bundle.write()
        self.oci.make("c", bundle)
        self.assertEqual(log.read_text().split(), ["prestart", "createRuntime", "createContainer"])
        pid = self.oci.state("c")["pid"]
        for kind in ("prestart", "createRuntime"):
            state = self.seen(kind)
            self.assertEqual((state["status"], state["pid"], state["id"], state["bundle"]),
                             ("created" if kind == "prestart" else "creating", pid, "c", str(bundle.path)))
        self.assertEqual(self.seen("createContainer")["status"], "creating")
        self.oci("start", "c")
        self.assertEqual(self.seen("poststart")["pid"], pid)
        self.oci.ended("c")
        self.assertEqual(json.loads((bundle.path / "out-c").read_text())["status"], "created")
        self.oci("delete", "c")
        self.assertEqual(self.seen("poststop")["status"], "stopped")
        self.assertEqual(log.read_text().split(), ["prestart", "createRuntime", "createContainer", "poststart", "poststop"])

    def test_the_root_with_its_mounts_is_at_root_path(self):
        bundle = self.bundle("sleep", "1000")
        root = bundle.path / "rootfs"
        look = f"ls {root}/dev/null {root}/proc/1/status > {self.folder}/seen; ls -d {root}/bin/sh >> {self.folder}/seen"
        bundle.config["hooks"] = {"createContainer": [{"path": "/bin/sh", "args": ["sh", "-c", look], "env": ["PATH=/bin:/usr/bin"]}]}
        bundle.write()
        self.oci.make("c", bundle)
        self.assertEqual(len((self.folder / "seen").read_text().split()), 3)

    def test_a_failing_hook_ends_the_making_and_poststop_is_told(self):
        for kind in ("prestart", "createRuntime", "createContainer"):
            with self.subTest(kind):
                bundle = self.bundle("true")
                bundle.config["hooks"] = {kind: [self.hook(kind, "echo why >&2; exit 3")], "poststop": [self.hook("after")]}
                result = self.oci.make("c", bundle.write(), check=False)
                self.assertEqual(result.returncode, 1)
                for word in (kind, "exit status 3", "why"):
                    self.assertIn(word, result.text)
                self.assertEqual(self.seen("after")["status"], "stopped")
                os.unlink(self.folder / "after.state")
                self.assertEqual(os.listdir(self.oci.root), [])

    def test_a_failing_start_hook_fails_the_start(self):
        for kind, path in (("startContainer", "/bin/false"), ("poststart", "/bin/false")):
            with self.subTest(kind):
                bundle = self.bundle("sleep", "1000")
                bundle.config["hooks"] = {kind: [{"path": path}]}
                self.oci.make("c", bundle.write())
                self.assertIn(kind, self.oci("start", "c", check=False).stderr)
                self.oci.ended("c")
                self.oci("delete", "c")

    def test_a_failing_poststop_is_a_warning(self):
        bundle = self.bundle("true")
        bundle.config["hooks"] = {"poststop": [{"path": "/bin/false"}, self.hook("second")]}
        self.oci.make("c", bundle.write())
        self.assertIn("poststop", self.oci("delete", "c").stderr)
        self.assertEqual(self.seen("second")["id"], "c")

    def test_a_hook_that_takes_too_long_is_killed(self):
        bundle = self.bundle("true")
        bundle.config["hooks"] = {"prestart": [{"path": "/bin/sleep", "args": ["sleep", "1000"], "timeout": 1}]}
        self.assertIn("not over after 1 s", self.oci.make("c", bundle.write(), check=False).text)


# What a hook has, from procfs; for dash and for busybox.
LOOK = """cat >/dev/null
echo fds $(ls /proc/self/fd)
for fd in 0 1 2; do echo fd$fd $(readlink /proc/self/fd/$fd); done
grep -E '^(Umask|SigBlk|SigIgn|NoNewPrivs):' /proc/self/status
cat /proc/self/stat; cat /proc/self/limits; echo environment; env
"""


def told(text):
    """{what: value} of what LOOK prints."""
    lines, environment = text.split("\nenvironment\n")[0].splitlines(), text.split("\nenvironment\n")[1].splitlines()
    value = {line.split()[0].rstrip(":"): line.split()[1:] for line in lines if line.strip()}
    stat = next(line for line in lines if line.split()[0].isdigit() and ") " in line)
    after = stat[stat.rindex(")") + 2:].split()
    limits = {name: line[26:].split()[:2] for line in lines for name in ("open files", "file size", "core file size", "processes")
              if line.startswith("Max " + name)}
    return {"fds": set(value["fds"]), "streams": [" ".join(value[f"fd{n}"]) for n in range(3)], "umask": value["Umask"][0],
            "blocked": int(value["SigBlk"][0], 16), "ignored": int(value["SigIgn"][0], 16), "session": after[3], "terminal": after[4],
            "limits": limits, "environment": {line.split("=")[0] for line in environment if "=" in line}}


class WhatAHookGets(OciTest):
    """Whatever the caller is: with a terminal, files, words, signals and limits of its own."""

    def call(self, *words):
        """As a child with a controlling terminal, further descriptors, a narrow mask and signals ignored and blocked."""
        master, slave = pty.openpty()
        secret = os.open(self.folder / "secret", os.O_RDWR | os.O_CREAT, 0o600)

        def dirty():
            os.setsid()
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
            os.umask(0o077)
            for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGPIPE, signal.SIGRTMIN + 5):
                signal.signal(number, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2, signal.SIGWINCH})
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            for number in (7, 9, 200):
                os.dup2(secret, number)
        log = self.folder / "log"
        with open(log, "w") as out:
            process = subprocess.Popen([self.oci.program, "--root", self.oci.root, *map(str, words)], stdin=subprocess.DEVNULL, stdout=out,
                                       stderr=out, close_fds=False, preexec_fn=dirty, env={"PATH": os.environ["PATH"], "SECRET": "x"})
            self.assertEqual(process.wait(PATIENCE), 0, log.read_text())
        for fd in (master, slave, secret):
            os.close(fd)

    def check(self, name, text, env):
        seen = told(text)
        self.assertLessEqual(seen["fds"], {"0", "1", "2", "3"}, f"{name}: 3 is what lists them")
        for stream in seen["streams"]:
            self.assertTrue(stream.startswith("pipe:"), f"{name}: {stream}")
        self.assertEqual((seen["blocked"], seen["ignored"]), (0, 0), name)
        self.assertEqual(seen["terminal"], "0", f"{name}: a controlling terminal")
        self.assertEqual(seen["umask"], "0022", name)
        self.assertLessEqual(seen["environment"], set(env) | {"PWD", "SHLVL", "_", "OLDPWD"}, name)
        for limit, values in seen["limits"].items():
            if limit != "core file size":  # the caller's
                key = {"open files": resource.RLIMIT_NOFILE, "file size": resource.RLIMIT_FSIZE, "processes": resource.RLIMIT_NPROC}[limit]
                own = [str(v) if v != resource.RLIM_INFINITY else "unlimited" for v in resource.getrlimit(key)]
                self.assertEqual(values, own, f"{name}: {limit}")
        self.assertEqual(seen["limits"]["core file size"], ["0", "0"], name)

    def test_nothing_of_the_caller_but_its_limits(self):
        bundle = self.bundle("sh", "-c", "cat /tmp/seen")
        bundle.config["process"]["terminal"] = False
        look = lambda kind: {"path": "/bin/sh", "args": ["sh", "-c", f"({LOOK}) > {self.folder}/{kind}.seen"], "env": ["PATH=/bin:/usr/bin", "A=b"]}  # noqa: E731
        for kind in KINDS:
            bundle.config.setdefault("hooks", {})[kind] = [look(kind)]
        bundle.config["hooks"]["startContainer"][0]["args"][2] = f"({LOOK}) > /tmp/seen"
        bundle.write()
        self.call("create", "--bundle", bundle.path, "c")
        self.call("start", "c")
        self.oci.ended("c")
        (self.folder / "startContainer.seen").write_text((self.folder / "log").read_text())
        self.call("delete", "c")
        for kind in KINDS:
            self.check(kind, (self.folder / f"{kind}.seen").read_text(), {"PATH", "A"})

    def test_one_that_names_no_variables_finds_its_programs(self):
        bundle = self.bundle("true")
        look = lambda kind, more: {"path": "/usr/bin/env", "args": ["env", "sh", "-c", f"env >{self.folder}/{kind}.seen"], **more}  # noqa: E731
        bundle.config["hooks"] = {"createRuntime": [look("plain", {})],
                                  "createContainer": [{"path": "/bin/sh", "args": ["sh", "-c", f"export -p >{self.folder}/empty.seen"], "env": []}]}
        bundle.write()
        self.call("run", "--bundle", bundle.path, "c")
        seen = (self.folder / "plain.seen").read_text().splitlines()
        self.assertIn("PATH=" + os.environ["PATH"], seen)
        self.assertNotIn("SECRET=x", seen)
        self.assertNotIn("PATH", (self.folder / "empty.seen").read_text())

    def test_a_caller_without_streams_gives_nothing_in_their_place(self):
        bundle = self.bundle("sleep", "1000")
        bundle.config["hooks"] = {"createRuntime": [{"path": "/bin/sh", "env": ["PATH=/bin:/usr/bin"],
                                                     "args": ["sh", "-c", f"cat > {self.folder}/state; ({LOOK}) </dev/null > {self.folder}/seen"]}]}
        bundle.write()
        words = [self.oci.program, "--root", self.oci.root, "create", "--bundle", str(bundle.path), "c"]
        self.assertEqual(subprocess.run(["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *words], timeout=PATIENCE).returncode, 0)
        self.assertEqual(json.loads((self.folder / "state").read_text())["id"], "c")
        self.assertLessEqual(told((self.folder / "seen").read_text())["fds"], {"0", "1", "2", "3"})
        self.oci("start", "c")
        open_there = f"/proc/{self.oci.state('c')['pid']}/fd"
        self.assertEqual({fd: os.readlink(f"{open_there}/{fd}") for fd in os.listdir(open_there)}, dict.fromkeys("012", "/dev/null"))

    def started(self):
        return int(until(lambda: (self.folder / "pid").exists() and (self.folder / "pid").read_text().strip(), "the hook has started one"))

    def gone(self, pid):
        def over():
            try:
                with open(f"/proc/{pid}/stat") as file:
                    return file.read().rpartition(") ")[2][0] == "Z"
            except (FileNotFoundError, ProcessLookupError):
                return True
        until(over, f"{pid} ends")

    def test_what_a_hook_started_is_killed_with_it_when_its_time_is_over(self):
        bundle = self.bundle("true")
        script = f"sleep 1000 & echo $! > {self.folder}/pid.new; mv {self.folder}/pid.new {self.folder}/pid; wait"
        bundle.config["hooks"] = {"prestart": [{"path": "/bin/sh", "args": ["sh", "-c", script], "timeout": 3, "env": ["PATH=/bin:/usr/bin"]}]}
        self.assertIn("not over after 3 s", self.oci.make("c", bundle.write(), check=False).text)
        self.gone(self.started())

    def test_one_that_goes_on_writing_when_its_hook_has_ended_holds_nobody_up(self):
        bundle = self.bundle("true")
        script = f"yes & echo $! > {self.folder}/pid.new; mv {self.folder}/pid.new {self.folder}/pid"
        bundle.config["hooks"] = {"prestart": [{"path": "/bin/sh", "args": ["sh", "-c", script], "env": ["PATH=/bin:/usr/bin"]}]}
        self.oci.make("c", bundle.write())
        self.gone(self.started())  # nobody reads any more


if __name__ == "__main__":
    main()
