#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""pss.py COMMAND PREFIX… PID: what one side holds, without the containers, which run COMMAND. One line: processes, the KiB of
proportional set size of PID and what runs once a node (an anchor), of everything, and the kernel's unreclaimable KiB (all sides').
Roots are PID and every process whose command line names one of the prefixes; everything below them counts too."""
import os
import sys

command, prefixes, daemon = sys.argv[1], sys.argv[2:-1], int(sys.argv[-1])
roots, parents, lines = {daemon}, {}, {}
for entry in os.listdir("/proc"):
    if not entry.isdigit() or int(entry) == os.getpid():
        continue
    try:
        with open(f"/proc/{entry}/stat") as file:
            parents[int(entry)] = int(file.read().rsplit(")", 1)[1].split()[1])
        with open(f"/proc/{entry}/cmdline") as file:
            line = lines[int(entry)] = file.read().replace("\0", " ").strip()
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


total = daemons = count = 0
for pid in parents:
    if not belongs(pid) or lines.get(pid) == command:
        continue
    try:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            size = next(int(line.split()[1]) for line in file if line.startswith("Pss:"))
    except (OSError, StopIteration):
        continue
    total += size
    count += 1
    if pid == daemon or lines[pid].split(" ")[0].endswith("keelson-anchor"):
        daemons += size
with open("/proc/meminfo") as file:
    memory = {line.split(":")[0]: int(line.split()[1]) for line in file}
kernel = sum(memory.get(key, 0) for key in ("SUnreclaim", "KernelStack", "PageTables", "SecPageTables", "Percpu"))
print(count, daemons, total, kernel)
