#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""report.py RESULTS SIDE…: the bench's raw numbers as tables. Ratios: to the floor, and of each peer to Keelson."""
import pathlib
import sys

results, sides = pathlib.Path(sys.argv[1]), sys.argv[2:]
NAMES = {"floor": "floor", "keelson": "Keelson", "c16-runc": "containerd 1.6 + runc", "c16-crun": "containerd 1.6 + crun",
         "c2-runc": "containerd 2.1 + runc", "c2-crun": "containerd 2.1 + crun"}


def quantile(values, q):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * q))]


def rows(side, kind):
    path = results / f"{side}.{kind}"
    return [[float(word) for word in line.split()] for line in path.read_text().splitlines()] if path.exists() else []


samples = {}
for side in ["floor"] + sides:
    cycles = rows(side, "cycles")
    if side == "floor":
        samples[side] = {"up": [c[0] for c in cycles], "exec": [e for c in cycles for e in c[2:]], "down": [c[1] for c in cycles]}
    else:
        samples[side] = {"up": [sum(c[:3]) for c in cycles], "run": [c[0] for c in cycles], "create": [c[1] for c in cycles],
                         "start": [c[2] for c in cycles], "exec": [e for c in cycles for e in c[5:]],
                         "down": [c[3] + c[4] for c in cycles], "stop": [c[3] for c in cycles], "remove": [c[4] for c in cycles]}

TITLES = [("up", "up (sandbox + create + start)"), ("run", "– RunPodSandbox"), ("create", "– CreateContainer"),
          ("start", "– StartContainer"), ("exec", "ExecSync `true`"), ("down", "stop + remove"), ("stop", "– StopPodSandbox"),
          ("remove", "– RemovePodSandbox")]
def table(title, heads, lines):
    print(f"\n{title}\n")
    print("| | " + " | ".join(heads) + " |")
    print("|---" * (len(heads) + 1) + "|")
    for line in lines:
        print("| " + " | ".join(line) + " |")


everybody = ["floor"] + sides
middle = {side: {key: quantile(values, 0.5) for key, values in samples[side].items() if values} for side in everybody}


def cell(side, key):
    values = samples[side].get(key)
    return f"{quantile(values, 0.5):.1f} / {quantile(values, 0.95):.1f} / {max(values):.1f}" if values else ""


def ratio(above, below, key):
    return f"{middle[above][key] / middle[below][key]:.1f}" if key in middle.get(above, {}) and key in middle.get(below, {}) else ""


table(f"One after another, milliseconds: p50 / p95 / max of {len(rows(sides[0], 'cycles'))} pods", [NAMES[side] for side in everybody],
      [[title] + [cell(side, key) for side in everybody] for key, title in TITLES])
peers = [side for side in sides if side != "keelson"]
table("Ratios of the p50s", ["Keelson to the floor"] + [f"{NAMES[side]} to Keelson" for side in peers],
      [[title, ratio("keelson", "floor", key)] + [ratio(side, "keelson", key) for side in peers] for key, title in TITLES])

print("\nEight at once: run + create + start + stop + remove\n")
print("| side | cycles/s | Keelson is … times as fast |")
print("|---|---|---|")
rate = {side: sum(r[0] for r in rows(side, "storm")) / max(0.001, sum(r[1] for r in rows(side, "storm"))) for side in ["floor"] + sides}
for side in ["floor"] + sides:
    print(f"| {NAMES[side]} | {rate[side]:.1f} | {rate['keelson'] / rate[side]:.1f} |" if "keelson" in rate else f"| {NAMES[side]} | {rate[side]:.1f} | |")

if any((results / f"{side}.memory").exists() for side in sides):
    print("\nMemory: PSS of all processes of a side, the container's own included\n")
    print("| side | idle MB | a pod of 30 MB | a pod of 110 MB | processes with 110 |")
    print("|---|---|---|---|---|")
    for side in sides:
        table = {int(r[0]): r for r in rows(side, "memory")}
        if not {0, 30, 110} <= table.keys():
            continue
        idle = table[0][2]
        print(f"| {NAMES[side]} | {idle / 1024:.1f} | {(table[30][2] - idle) / 1024 / 30:.2f} | {(table[110][2] - idle) / 1024 / 110:.2f} "
              f"| {table[110][1]:.0f} |")
