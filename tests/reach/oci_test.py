#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a container without privileges reaches under keelson-oci, beside runc under the very same config.json: every path, system call,
socket and deed of tests/reach/probe, under both. known.txt has the differences that are meant, with their reasons."""
import concurrent.futures
import ctypes
import json
import os
import pathlib
import select
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "oci"))
from bundle import BIN, Bundle, OciTest, main  # noqa: E402
from compare import Known, compare  # noqa: E402

MARKER = "keelson-reach-marker"
PATIENCE = 900
SYS_ADD_KEY, SYS_KEYCTL, JOIN_SESSION_KEYRING, SESSION_KEYRING, SETPERM = 248, 250, 1, -3, 5
# What containerd gives a container that asks for nothing.
USUAL = ["CAP_" + c for c in ("CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "MKNOD", "NET_RAW", "SETGID", "SETUID", "SETFCAP", "SETPCAP",
                              "NET_BIND_SERVICE", "SYS_CHROOT", "KILL", "AUDIT_WRITE")]


def runtime_default():
    """The profile that pods get, in the words of config.json, for a container with the usual capabilities."""
    profile = json.loads((HERE.parents[1] / "runtime/security/data/seccomp-default.json").read_text())
    rules = profile["rules"] + [rule for capability in USUAL for rule in profile["withCapability"].get(capability, {"added": []})["added"]]
    return {"defaultAction": profile["defaultAction"], "architectures": profile["architectures"], "syscalls": rules}


def own_cgroups(config):  # `runc spec` has it on cgroup v2 alone
    namespaces = config["linux"]["namespaces"]
    if {"type": "cgroup"} not in namespaces:
        namespaces.append({"type": "cgroup"})


class Reach(OciTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if os.geteuid() != 0:
            return
        # A key that is this process's, to see whether a container finds it.
        libc = ctypes.CDLL(None, use_errno=True)
        libc.syscall.restype = ctypes.c_long
        if libc.syscall(SYS_KEYCTL, JOIN_SESSION_KEYRING, None) >= 0:
            key = libc.syscall(SYS_ADD_KEY, b"user", MARKER.encode(), b"x", ctypes.c_size_t(1), SESSION_KEYRING)
            assert key > 0, os.strerror(ctypes.get_errno())
            libc.syscall(SYS_KEYCTL, SETPERM, ctypes.c_long(key), ctypes.c_long(0x3f3f3f3f))

    def setUp(self):
        super().setUp()
        version = "v2" if os.path.exists("/sys/fs/cgroup/cgroup.controllers") else "v1"
        self.where = {"oci", version}
        host = [str(os.stat("/proc/self/ns/" + name).st_ino) for name in ("cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts")]
        self.host = ",".join(host)
        self.folder.chmod(0o711)  # also for a root of another user namespace

    def spec(self, path):
        """`runc spec`, with the probe as its program."""
        bundle = Bundle(path, f"/{self.prefix}/{path.name}", [])
        shutil.copy(BIN / "keelson-reach", bundle.path / "rootfs/bin/keelson-reach")
        (bundle.path / "rootfs/out").mkdir()
        (bundle.path / "out").mkdir(mode=0o777)
        (bundle.path / "out").chmod(0o777)
        # As the machine's umask has it, it may not be: other users must be able to run it.
        (bundle.path / "rootfs/bin/keelson-reach").chmod(0o755)
        subprocess.run(["runc", "spec", "--bundle", str(bundle.path)], check=True)
        config = json.loads((bundle.path / "config.json").read_text())
        config["ociVersion"] = "1.0.2"
        config["process"]["terminal"] = False
        config["linux"]["cgroupsPath"] = bundle.config["linux"]["cgroupsPath"]
        config["mounts"].append({"destination": "/out", "type": "bind", "source": str(bundle.path / "out"), "options": ["bind", "rw"]})
        bundle.config = config
        return bundle

    def report(self, name, variant, turn, change):
        runtime = self.runtimes[name]
        bundle = self.spec(self.folder / f"{name}-{variant}-{turn}")
        change(bundle.config)
        bundle.config["process"]["args"] = ["/bin/keelson-reach", "/out/report", MARKER, self.host]
        bundle.write()
        id = f"reach-{variant}-{turn}"
        runtime.make(id, bundle)
        process = os.pidfd_open(runtime.state(id)["pid"])
        runtime("start", id)
        ended, _, _ = select.select([process], [], [], PATIENCE)
        os.close(process)
        self.assertTrue(ended, "the probe does not end")
        report = bundle.path / "out/report"
        if keep := os.environ.get("KEELSON_REACH_KEEP"):
            shutil.copy(report, pathlib.Path(keep) / f"{variant}-{name}-{turn}")
        return report

    def check(self, variant, change):
        if shutil.which("runc") is None:
            self.skipTest("needs runc")
        ours, theirs, where = [], [], self.where | {variant}
        # More turns only when they differ: what then agrees was the doing of a machine with others on it.
        for turn in range(4):
            with concurrent.futures.ThreadPoolExecutor() as pool:
                both = list(pool.map(lambda name: self.report(name, variant, turn, change), ("keelson-oci", "runc")))
            ours.append(both[0])
            theirs.append(both[1])
            if not (unexplained := compare(Known(HERE / "known.txt"), where, ours, theirs)):
                break
        self.assertEqual(unexplained, [], f"{len(unexplained)} differences that known.txt does not have:\n" + "\n".join(unexplained[:200]))
        self.assertGreater(ours[0].read_text().count("\n"), 5000, "the probe tried too little")

    def test_as_runc_spec_has_it(self):
        self.check("plain", lambda config: None)

    def test_as_pods_have_it(self):
        def change(config):
            process = config["process"]
            process["noNewPrivileges"] = False
            process["capabilities"] = {kind: USUAL for kind in ("bounding", "effective", "permitted")}
            config["root"]["readonly"] = False
            config["linux"]["seccomp"] = runtime_default()
            own_cgroups(config)
        self.check("pod", change)

    def test_as_a_user(self):
        def change(config):
            process = config["process"]
            process["user"] = {"uid": 1000, "gid": 1000, "additionalGids": [2000]}
            process["noNewPrivileges"] = False
            process["capabilities"] = {kind: USUAL if kind == "bounding" else [] for kind in ("bounding", "effective", "permitted")}
        self.check("user", change)

    def test_in_a_user_namespace(self):
        def change(config):
            config["process"]["capabilities"] = {kind: USUAL for kind in ("bounding", "effective", "permitted")}
            config["linux"]["namespaces"].append({"type": "user"})
            own_cgroups(config)
            for kind in ("uidMappings", "gidMappings"):
                config["linux"][kind] = [{"containerID": 0, "hostID": 100000, "size": 65536}]
        self.check("mapped", change)


if __name__ == "__main__":
    main()
