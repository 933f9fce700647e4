#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Hooks: when each runs, in which namespaces, with which state on standard input, and what follows when one fails."""
import json
import os

from bundle import OciTest, main

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


if __name__ == "__main__":
    main()
