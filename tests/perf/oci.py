#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Run by scripts/bench in namespaces of its own, where it is process 1: what one container costs with keelson-oci, runc and crun, in
turn, beside a bare program's floor.

usage: oci.py --work FOLDER --group NAME --rounds N --cycles N NAME=PROGRAM…   (the first one is what the others are compared with)"""
import argparse
import contextlib
import json
import math
import os
import pathlib
import select
import shutil
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
CAPABILITIES = ["CAP_" + c for c in ("CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "MKNOD", "NET_RAW", "SETGID", "SETUID", "SETFCAP", "SETPCAP",
                                     "NET_BIND_SERVICE", "SYS_CHROOT", "KILL", "AUDIT_WRITE")]
LIMIT = 120
FLOOR = []


def seccomp():
    """What pods and Docker's containers have by default, in the words of config.json."""
    profile = json.loads((HERE.parents[1] / "runtime/security/data/seccomp-default.json").read_text())
    rules = profile["rules"] + [rule for c in CAPABILITIES for rule in profile["withCapability"].get(c, {"added": []})["added"]]
    return {"defaultAction": profile["defaultAction"], "architectures": profile["architectures"], "syscalls": rules}


def bundle(folder, group, args):
    root = folder / "rootfs"
    for name in ("bin", "dev", "proc", "sys", "etc"):
        (root / name).mkdir(parents=True)
    shutil.copy("/bin/busybox", root / "bin")
    for name in ("true", "sleep"):
        (root / "bin" / name).symlink_to("busybox")
    safe = ["nosuid", "noexec", "nodev"]
    config = {
        "ociVersion": "1.0.2", "root": {"path": "rootfs", "readonly": True}, "hostname": "box",
        "process": {"user": {"uid": 0, "gid": 0}, "args": args, "cwd": "/", "env": ["PATH=/bin"], "noNewPrivileges": True,
                    "capabilities": {kind: CAPABILITIES for kind in ("bounding", "effective", "permitted")},
                    "rlimits": [{"type": "RLIMIT_CORE", "soft": 0, "hard": 0}]},
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc", "options": safe},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
            {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
             "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]},
            {"destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": safe + ["mode=1777", "size=65536k"]},
            {"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue", "options": safe},
            {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": safe + ["ro"]},
            {"destination": "/etc/hosts", "type": "bind", "source": "/etc/hosts", "options": ["rbind", "ro"]}],
        "linux": {"cgroupsPath": group, "namespaces": [{"type": t} for t in ("pid", "network", "ipc", "uts", "mount")],
                  "resources": {"devices": [{"allow": False, "access": "rwm"}], "memory": {"limit": 268435456},
                                "cpu": {"shares": 512, "quota": 50000, "period": 100000}, "pids": {"limit": 100}},
                  "seccomp": seccomp(),
                  "maskedPaths": ["/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
                                  "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware"],
                  "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]}}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


class Failed(Exception):
    pass


class Side:
    """One runtime with a state of its own."""

    def __init__(self, name, program, folder, group):
        self.name, self.program = name, os.path.realpath(program)
        self.state = pathlib.Path("/run") / name
        self.true = bundle(folder / name / "true", f"/{group}/{name}-true", ["true"])
        self.sleep = bundle(folder / name / "sleep", f"/{group}/{name}-sleep", ["sleep", "100000"])
        self.times = {"run": [], "create": [], "start": [], "delete": [], "create + start + delete": [], "exec": []}
        self.peaks = {"run": 0, "create": 0, "exec": 0}
        self.left = {}

    def call(self, *words, count=None):
        """Milliseconds of one command."""
        return self.timed([self.program, "--root", self.state, *words], count)

    def timed(self, words, count):
        # By a small program: a process' greatest memory begins with that of whoever started it.
        done = subprocess.run([FLOOR[0], "time", *map(str, words)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        if done.returncode != 0:
            raise Failed(f"{self.name} {' '.join(map(str, words[1:]))}: exit status {done.returncode}")
        took, peak = done.stdout.split()
        if count is not None:
            self.peaks[count] = max(self.peaks[count], int(peak))
        return float(took)

    def pid(self, id):
        told = subprocess.run([self.program, "--root", self.state, "state", id], capture_output=True, check=True)
        return json.loads(told.stdout)["pid"]

    def one_after_another(self, number):
        self.times["run"].append(self.call("run", "--bundle", self.true, f"r{number}", count="run"))
        id = f"c{number}"
        parts = {"create": self.call("create", "--bundle", self.true, id, count="create")}
        first = self.pid(id)
        if "created" not in self.left:
            self.left["created"] = proportional(first)
        pidfd = os.pidfd_open(first)
        parts["start"] = self.call("start", id)
        if not select.select([pidfd], [], [], LIMIT)[0]:
            raise Failed(f"{self.name}: `true` does not end")
        os.waitpid(first, 0)
        os.close(pidfd)
        parts["delete"] = self.call("delete", id)
        for name, took in parts.items():
            self.times[name].append(took)
        self.times["create + start + delete"].append(sum(parts.values()))
        self.times["exec"].append(self.call("exec", "s", "true", count="exec"))

    def hold(self):
        before = set(processes())
        self.call("create", "--bundle", self.sleep, "s")
        self.call("start", "s")
        self.held = self.pid("s")
        self.left["processes"] = len(set(processes()) - before - {self.held})
        self.left["state"] = sum(f.stat().st_size for f in self.state.rglob("*") if f.is_file())

    def let_go(self):
        with contextlib.suppress(Failed):
            self.call("delete", "--force", "s")


class Floor(Side):
    def call(self, *words, count=None):
        rest = (self.true / "rootfs", f"{self.group}/floor-true") if words[0] == "run" else (self.other.held,)
        return self.timed([self.program, words[0], *rest, "/bin/busybox", "true"], words[0])

    def one_after_another(self, number):
        for what in ("run", "exec"):
            self.times[what].append(self.call(what))


def processes():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def proportional(pid):
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))


def size_of(program):
    """Of the file as it is installed: without what only a debugger reads; and what it is linked against."""
    with open(program, "rb") as file:
        stripped = subprocess.run(["strip", "-o", "/run/stripped", program]).returncode == 0
        size = os.stat("/run/stripped").st_size if stripped else os.fstat(file.fileno()).st_size
    libraries = [line.split() for line in subprocess.run(["ldd", program], capture_output=True, text=True).stdout.splitlines() if "=>" in line]
    return size, sorted(words[0].split(".so")[0] for words in libraries)


def table(sides, first):
    def cell(values):
        ordered = sorted(values)
        return f"{statistics.median(ordered):.1f} / {ordered[min(len(ordered) - 1, math.ceil(len(ordered) * 0.99) - 1)]:.1f}" if ordered else ""

    def ratio(what, side):
        if not side.times[what] or not first.times[what]:
            return ""
        return f"{statistics.median(side.times[what]) / statistics.median(first.times[what]):.2g}"
    print("\nmilliseconds, p50 / p99; each command's whole life, in turn\n")
    print("|  | " + " | ".join(s.name for s in sides) + " |\n|---" + "|---" * len(sides) + "|")
    for what, title in (("run", "`run` of `true`"), ("create + start + delete", "create + start + delete"), ("create", "– create"),
                        ("start", "– start"), ("delete", "– delete"), ("exec", "`exec` of `true`")):
        print(f"| {title} | " + " | ".join(cell(s.times[what]) for s in sides) + " |")
    print(f"| p50 in {first.name}'s: run / create + start + delete / exec | "
          + " | ".join(" / ".join(ratio(w, s) or "–" for w in ("run", "create + start + delete", "exec")) for s in sides) + " |")
    print("\n|  | " + " | ".join(s.name for s in sides) + " |\n|---" + "|---" * len(sides) + "|")
    for what in ("run", "create", "exec"):
        print(f"| greatest memory of `{what}`, KB | " + " | ".join(str(s.peaks[what] or "") for s in sides) + " |")
    for what, title in (("created", "proportional memory of a created container's process before `start`, KB"),
                        ("processes", "processes of the runtime's beside a running container"), ("state", "its records, bytes")):
        print(f"| {title} | " + " | ".join(str(s.left.get(what, "")) for s in sides) + " |")
    sizes = {s.name: size_of(s.program) for s in sides}
    print("| the program, stripped, KB | " + " | ".join(str(sizes[s.name][0] // 1024) for s in sides) + " |")
    print("| libraries | " + " | ".join(", ".join(sizes[s.name][1]) or "static" for s in sides) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--group", required=True)
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument("--cycles", type=int, required=True)
    parser.add_argument("--floor", required=True)
    parser.add_argument("sides", nargs="+")
    options = parser.parse_args()
    FLOOR.append(options.floor)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
    if os.path.isdir("/sys/fs/cgroup/unified"):  # crun refuses to start where a hybrid machine's second tree has a controller
        subprocess.run(["umount", "/sys/fs/cgroup/unified"])
    sides = []
    for text in options.sides:
        side = Side(*text.split("=", 1), options.work, options.group)
        try:
            side.hold()
            sides.append(side)
        except Failed as failed:
            print(f"{side.name} is left out: {failed}")
    if not sides:
        sys.exit("bench: no side can run a container")
    floor = Floor("floor", options.floor, options.work, options.group)
    floor.group, floor.other = options.group, sides[0]
    everyone = [floor, *sides]
    number = 0
    for _ in range(options.rounds):
        for side in everyone:
            for _ in range(options.cycles):
                number += 1
                side.one_after_another(number)
    for side in sides:
        side.let_go()
    table(everyone, sides[0])


main()
