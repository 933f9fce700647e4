#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Run by scripts/bench in namespaces of its own, where it is process 1: Kubernetes' own streaming clients (tests/stream/client) against
# each side in turn; URLs come from the sides' CRI calls, the time that these take included where a session is timed.
set -euo pipefail
. "$here/tests/perf/peers.sh"
. "$here/tests/perf/sides.sh"
prepare_machine
mkdir -p "$work/results"
for side in "${sides[@]}"; do start_side "$side"; done
for _ in $(seq "$rounds"); do
  for side in "${sides[@]}"; do
    # The test binary asks this script's client for URLs, on a pipe.
    handler=; [ "$side" = keelson ] || handler=runc
    KEELSON_BENCH_URLS="$bin/keelson-cri-bench --socket /run/$side.sock --image docker.io/library/busybox:demo --parent /$name/$side
      --logs $work/logs --handler=$handler --urls" KEELSON_BENCH_COUNT=$count KEELSON_BENCH_MEGABYTES=$megabytes \
      "$work/clients" -test.run none -test.bench StreamsOfARuntime -test.benchtime 1x -test.timeout 20m >"$work/log" 2>&1 ||
      { echo "$side: $(tail -3 "$work/log")"; }
    grep '^stream ' "$work/log" | cut -d' ' -f2- >>"$work/results/$side" || true
  done
done
python3 - "$work/results" "${sides[@]}" <<'P'
import pathlib
import statistics
import sys
results, sides = pathlib.Path(sys.argv[1]), sys.argv[2:]
found, order = {}, []
for side in sides:
    path = results / side
    for line in path.read_text().splitlines() if path.exists() else ():
        what, unit, value, worst = line.split("\t")
        if (what, unit) not in order:
            order.append((what, unit))
        found.setdefault((what, unit, side), []).append((value, worst))
print("\n| | " + " | ".join(sides) + " |\n|---" + "|---" * len(sides) + "|")
for what, unit in order:
    cells = []
    for side in sides:
        runs = found.get((what, unit, side), [])
        good = [(float(value), float(worst)) for value, worst in runs if value != "failed"]
        failed = [worst for value, worst in runs if value == "failed"]
        text = " / ".join(f"{statistics.median(run[i] for run in good):.4g}" for i in ((0, 1) if unit != "MB/s" else (0,))) if good else ""
        cells.append(text or (f"fails: {failed[0][:60]}" if failed else ""))
    print(f"| {what}, {unit}{'' if unit == 'MB/s' else ', p50 / p99'} | " + " | ".join(cells) + " |")
P
