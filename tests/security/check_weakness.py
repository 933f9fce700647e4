#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""check_weakness.py BUILD: no program of ours in BUILD/bin has a weakness compiled in, every one in BUILD/weakened has (so that the look
is known to find one), and each of those ends at once outside the lab machine."""
import mmap
import pathlib
import subprocess
import sys

build = pathlib.Path(sys.argv[1])
in_lab = " keelson.lab=1" in pathlib.Path("/proc/cmdline").read_text()
wrong = looked = 0


def has_mark(path):
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
        return text.find(b"keelson-weakened-program") >= 0


for folder, weak in (("bin", False), ("weakened", True)):
    for path in sorted((build / folder).glob("*")):
        if not path.is_file() or not (path.name.startswith("keelson") or path.name == "tests_security_test"):
            continue
        looked += 1
        if has_mark(path) != weak:
            wrong += 1
            print(f"{path} {'has no weakness' if weak else 'has a weakness compiled in'}")
        if weak and not in_lab and subprocess.run([path], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode != 70:
            wrong += 1
            print(f"{path} runs outside the lab")
print(f"{looked} programs, {wrong} wrong")
sys.exit(1 if wrong or not looked else 0)
