#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""pss.py PREFIX… PID: processes of one side and their proportional set size in KiB. Roots are PID and every process whose command
line names one of the prefixes; everything below them counts too."""
import os
import sys

prefixes, roots = sys.argv[1:-1], {int(sys.argv[-1])}
parents = {}
for entry in os.listdir("/proc"):
    if not entry.isdigit() or int(entry) == os.getpid():
        continue
    try:
        with open(f"/proc/{entry}/stat") as file:
            parents[int(entry)] = int(file.read().rsplit(")", 1)[1].split()[1])
        with open(f"/proc/{entry}/cmdline") as file:
            line = file.read()
        if any(prefix in line for prefix in prefixes):
            roots.add(int(entry))
    except OSError:
        continue


def belongs(pid):
    while pid > 1:
        if pid in roots:
            return True
        pid = parents.get(pid, 0)
    return False


total = count = 0
for pid in parents:
    if not belongs(pid):
        continue
    try:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            total += next(int(line.split()[1]) for line in file if line.startswith("Pss:"))
        count += 1
    except (OSError, StopIteration):
        continue
print(count, total)
