#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""--systemd-cgroup where systemd is process 1: a container is a scope in the slice that cgroupsPath names, systemd knows its limits, a
reload keeps them, and the scope is gone with it."""
import pathlib
import subprocess

from bundle import OciTest, main


class Scopes(OciTest):
    def setUp(self):
        super().setUp()
        if not pathlib.Path("/run/systemd/system").exists():
            self.skipTest("systemd is not process 1")
        self.unit = self.prefix + "-box.scope"
        self.slice = "keelsonocitest.slice"
        self.addCleanup(subprocess.run, ["systemctl", "stop", self.slice], stderr=subprocess.DEVNULL)

    def shown(self, *names):
        out = subprocess.run(["systemctl", "show", *[f"--property={n}" for n in names], self.unit], stdout=subprocess.PIPE, text=True, check=True).stdout
        return dict(line.split("=", 1) for line in out.splitlines())

    def test_a_container_is_a_scope_in_its_slice(self):
        bundle = self.bundle("sleep", "1000")
        bundle.config["linux"]["cgroupsPath"] = f"{self.slice}:{self.prefix}:box"
        bundle.config["linux"]["resources"].update({"memory": {"limit": 50 << 20}, "pids": {"limit": 33}, "cpu": {"shares": 512, "quota": 20000, "period": 100000}})
        bundle.config["annotations"] = {"org.systemd.property.TimeoutStopSec": "7"}
        bundle.write()
        with open(self.folder / "out", "wb") as out:  # the container keeps it
            create = subprocess.run([self.oci.program, "--root", self.oci.root, "--systemd-cgroup", "create", "--bundle", bundle.path, "c"],
                                    stdin=subprocess.DEVNULL, stdout=out, stderr=out, timeout=120)
        self.assertEqual(create.returncode, 0, (self.folder / "out").read_text())
        self.oci("start", "c")
        shown = self.shown("ActiveState", "Slice", "MemoryMax", "TasksMax", "CPUWeight", "CPUQuotaPerSecUSec", "TimeoutStopUSec", "ControlGroup")
        path = shown.pop("ControlGroup")
        self.assertEqual(shown, {"ActiveState": "active", "Slice": self.slice, "MemoryMax": str(50 << 20), "TasksMax": "33", "CPUWeight": "59",
                                 "CPUQuotaPerSecUSec": "200ms", "TimeoutStopUSec": "7s"})
        group = pathlib.Path("/sys/fs/cgroup" + path)
        self.assertIn(str(self.oci.state("c")["pid"]), (group / "cgroup.procs").read_text().split())
        self.oci("update", "--memory", "64m", "--pids-limit", "44", "c")
        subprocess.run(["systemctl", "daemon-reload"], check=True)
        self.assertEqual(((group / "memory.max").read_text().strip(), (group / "pids.max").read_text().strip()), (str(64 << 20), "44"))
        self.assertEqual(self.shown("MemoryMax")["MemoryMax"], str(64 << 20))
        careful = '{"memory":{"limit":1024,"checkBeforeUpdate":true}}'
        self.assertIn("rejecting memory limit", self.oci("update", "--resources", "-", "c", stdin=None, input=careful, check=False).stderr)
        self.assertEqual(self.shown("MemoryMax")["MemoryMax"], str(64 << 20))
        self.oci("update", "--cpu-period", "50000", "c")
        self.assertEqual((self.shown("CPUQuotaPerSecUSec")["CPUQuotaPerSecUSec"], (group / "cpu.max").read_text()), ("400ms", "20000 50000\n"))
        self.oci("update", "--resources", "-", "c", stdin=None, input='{"unified":{"cpu.max":"max 100000","memory.high":"33554432"}}')
        subprocess.run(["systemctl", "daemon-reload"], check=True)
        self.assertEqual(((group / "cpu.max").read_text(), (group / "memory.high").read_text()), ("max 100000\n", "33554432\n"))
        self.assertIn("uid=0", self.oci("exec", "c", "id").stdout)
        self.oci("pause", "c")
        self.assertEqual(self.oci.status("c"), "paused")
        self.oci("resume", "c")
        self.oci("delete", "--force", "c")
        self.assertFalse(group.exists())
        self.assertEqual(self.shown("ActiveState")["ActiveState"], "inactive")

    def test_a_place_of_another_form_is_refused(self):
        bundle = self.bundle("true").write()
        result = self.oci("--systemd-cgroup", "run", "--bundle", bundle.path, "c", check=False)
        self.assertIn('expected "slice:prefix:name"', result.stderr)


if __name__ == "__main__":
    main()
