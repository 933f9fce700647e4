#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Run by scripts/bench in namespaces of its own, where it is process 1: ExecSync of `true`, as many as go in $seconds seconds, one at a
# time, four and eight at once, each caller in a pod of its own; sides in turn, $rounds times. What a side has used of the processor is
# read from the groups of its daemon and of its pods: the client's share is not in it.
set -euo pipefail
. "$here/tests/perf/peers.sh"
. "$here/tests/perf/sides.sh"
prepare_machine
mkdir -p "$work/results"
groups=$(cpu_groups)
for side in "${sides[@]}"; do mkdir -p "$groups/$side-daemon"; done
for side in "${sides[@]}"; do start_side "$side"; done
floor_execs() {
  "$bin/keelson-floor" --root "$work/rootfs" --work "$work/floor" --bridge kb-floor --net 10.127.0 --cgroup "$name/floor" \
    --exec /bin/busybox --cycles 20 -- /bin/busybox sleep 100000 | awk '{ for (i = 3; i <= NF; i++) print $i }'
}
for at_once in 1 4 8; do
  for _ in $(seq "$rounds"); do
    floor_execs >>"$work/results/floor"
    for side in "${sides[@]}"; do
      client "$side" --execs "$seconds" --at-once "$at_once" --cpu "$groups/$side-daemon,$groups/$side" | sed "s/^execs/$at_once/" \
        >>"$work/results/$side" || { echo "$side is left out: its client failed, see above"; rm -f "$work/results/$side"; }
    done
  done
done
python3 - "$work/results" "${sides[@]}" <<'P'
import pathlib
import statistics
import sys
results = pathlib.Path(sys.argv[1])
floor = statistics.median(float(line) for line in (results / "floor").read_text().split())
print(f"\nThe floor's exec, one after another: {floor:.2f} ms p50\n")
print("| at once | | execs a second | a second of processor | p50 ms | p99 ms | p50, times the floor |\n|---|---|---|---|---|---|---|")
rows = {}
for side in sys.argv[2:]:
    path = results / side
    for line in path.read_text().splitlines() if path.exists() else ():
        at_once, count, seconds, p50, p99, used = (float(word) for word in line.split())
        rows.setdefault((int(at_once), side), []).append((count, seconds, p50, p99, used))
for (at_once, side), runs in sorted(rows.items()):
    count, seconds, used = (sum(run[i] for run in runs) for i in (0, 1, 4))
    p50, p99 = (statistics.median(run[i] for run in runs) for i in (2, 3))
    a_core = f"{count / used:.0f}" if used else "?"
    print(f"| {at_once} | {side} | {count / seconds:.0f} | {a_core} | {p50:.2f} | {p99:.2f} | {p50 / floor:.1f} |")
P
