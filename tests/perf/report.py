#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""report.py RESULTS: the bench's raw numbers as tables, one a situation, and the aims, reached or not."""
import pathlib
import sys

results = pathlib.Path(sys.argv[1])
TITLES = dict(line.split(" ", 1) for line in (results / "titles").read_text().splitlines())
SIDES = list(TITLES)
FEW, MANY = (int(word) for word in (results / "node").read_text().split())
PEERS = [side for side in SIDES if side not in ("floor", "keelson")]
SITUATIONS = {"empty": "Empty node, one after another", "empty-spaced": "Empty node, half a second between cycles",
              "empty-storm": "Empty node, eight at once", "loaded": f"{MANY} pods and 1,000 mounts, one after another",
              "loaded-spaced": f"{MANY} pods and 1,000 mounts, half a second between cycles",
              "loaded-storm": f"{MANY} pods and 1,000 mounts, eight at once"}
ROWS = [("up", "up (sandbox + create + start)"), ("run", "– RunPodSandbox"), ("create", "– CreateContainer"), ("start", "– StartContainer"),
        ("exec", "ExecSync `true`"), ("down", "stop + remove"), ("stop", "– StopPodSandbox"), ("remove", "– RemovePodSandbox")]


def quantile(values, q):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * q))]


def read(situation, side):
    path = results / situation / side
    lines = [line.split() for line in path.read_text().splitlines()] if path.exists() else []
    cycles = [[float(word) for word in line] for line in lines if line[0] != "rate"]
    rates = [[float(word) for word in line[1:]] for line in lines if line[0] == "rate"]
    out = {"pods": len(cycles), "rate": sum(r[0] for r in rates) / sum(r[1] for r in rates) if rates else None}
    if side == "floor":
        out.update(up=[c[0] for c in cycles], down=[c[1] for c in cycles], exec=[e for c in cycles for e in c[2:]])
    else:
        out.update(up=[sum(c[:3]) for c in cycles], run=[c[0] for c in cycles], create=[c[1] for c in cycles], start=[c[2] for c in cycles],
                   stop=[c[3] for c in cycles], remove=[c[4] for c in cycles], down=[c[3] + c[4] for c in cycles],
                   exec=[e for c in cycles for e in c[5:]])
    return out


def table(title, heads, lines):
    print(f"\n{title}\n\n| " + " | ".join(heads) + " |\n" + "|---" * len(heads) + "|")
    for line in lines:
        print("| " + " | ".join(line) + " |")


data = {situation: {side: read(situation, side) for side in SIDES} for situation in SITUATIONS}


def p50(situation, side, key):
    values = data[situation].get(side, {}).get(key)
    return quantile(values, 0.5) if values else None


for situation, title in SITUATIONS.items():
    of = data[situation]
    if not of["keelson"]["pods"]:
        continue

    def cell(side, key):
        values = of[side].get(key)
        return f"{quantile(values, 0.5):.1f} / {quantile(values, 0.99):.1f}" if values else ""

    def times(side):  # how many times Keelson's
        ratios = [(p50(situation, side, key), p50(situation, "keelson", key)) for key in ("up", "exec", "down")]
        return " / ".join(f"{a / b:.2g}" if a / b < 10 else f"{a / b:.0f}" for a, b in ratios if a and b)

    lines = [[name] + [cell(side, key) for side in SIDES] for key, name in ROWS]
    lines.append(["p50 in Keelson's: up / exec / stop + remove"] + [times(side) for side in SIDES])
    if of["keelson"]["rate"]:
        lines.append(["full cycles a second"] + [f"{of[side]['rate']:.1f}" if of[side]["rate"] else "" for side in SIDES])
    lines.append(["pods"] + [str(of[side]["pods"]) for side in SIDES])
    table(f"{title}; milliseconds, p50 / p99", [""] + [TITLES[side] for side in SIDES], lines)

memory = {}
for side in SIDES:
    path = results / f"{side}.memory"
    memory[side] = {int(r.split()[0]): [int(word) for word in r.split()[1:]] for r in path.read_text().splitlines()} if path.exists() else {}


def per_pod(side, pods, index):
    return (memory[side][pods][index] - memory[side][0][index]) / pods


measured = [side for side in SIDES if side != "floor" and {0, FEW, MANY} <= memory[side].keys()]
if measured:
    base = per_pod("floor", FEW, 3) if {0, FEW} <= memory["floor"].keys() else 0
    table(f"Memory without the containers: PSS in MB; unreclaimable kernel memory in KB, {FEW} pods", [
        "", "daemons idle", f"daemons, {FEW} pods", f"daemons, {MANY} pods", f"a pod of {FEW}", f"a pod of {MANY}", "kernel, a pod",
        "the same less the floor's", f"processes, {MANY} pods"],
        [[TITLES[side], f"{memory[side][0][1] / 1024:.1f}", f"{memory[side][FEW][1] / 1024:.1f}", f"{memory[side][MANY][1] / 1024:.1f}",
          f"{per_pod(side, FEW, 2) / 1024:.2f}", f"{per_pod(side, MANY, 2) / 1024:.2f}", f"{per_pod(side, FEW, 3):.0f}",
          f"{per_pod(side, FEW, 3) - base:.0f}", str(memory[side][MANY][0])] for side in measured])
    print(f"\nThe floor's pod (its container, namespaces, link, overlay and groups): {base:.0f} KB of the kernel's.")

judged = []


def judge(aim, cells):  # a cell a situation: reached or not, and the number
    bad = sum(not reached for reached, _ in cells)
    judged.append([aim] + [text if reached else f"**{text}**" for reached, text in cells] + [""] * (4 - len(cells)) + ["no" if bad else "yes"])


one = [situation for situation in SITUATIONS if not situation.endswith("storm") and data[situation]["keelson"]["pods"]]
storms = [situation for situation in SITUATIONS if situation.endswith("storm") and data[situation]["keelson"]["pods"]]


def share(situation, side, key, part):
    own, peer = p50(situation, "keelson", key), p50(situation, side, key)
    return own * part <= peer, f"1/{peer / own:.0f}"


if len(one) == 4:
    judge("up at most 3 times the floor", [(p50(s, "keelson", "up") <= 3 * p50(s, "floor", "up"), f"{p50(s, 'keelson', 'up') / p50(s, 'floor', 'up'):.1f}")
                                           for s in one])
    for key, name in [("up", "up"), ("down", "stop + remove")]:
        for side in PEERS:
            part = 8 if key == "up" and side.endswith("crun") else 10
            judge(f"{name} at most 1/{part} of {TITLES[side]}", [share(s, side, key, part) for s in one])
    judge("ExecSync at most 2 ms", [(p50(s, "keelson", "exec") <= 2, f"{p50(s, 'keelson', 'exec'):.2f} ms") for s in one])
    rates = []
    for s in storms:
        rate = data[s]["keelson"]["rate"]
        rates += [(rate >= 100, f"{rate:.0f} (floor {data[s]['floor']['rate']:.0f})"), (True, "")]
    judge("eight at once: at least 100 full cycles a second", rates)
if "keelson" in measured:
    size = max(per_pod("keelson", pods, 2) for pods in (FEW, MANY)) / 1024
    judge("PSS a pod at most 1 MB", [(size <= 1, f"{size:.2f} MB")])
    daemons = memory["keelson"][FEW][1] / 1024
    judge(f"the runtime daemon with {FEW} pods at most 30 MB PSS", [(daemons <= 30, f"{daemons:.1f} MB")])
table("Aims, at p50", ["aim", "empty node", "empty, spaced", "loaded", "loaded, spaced", "reached"], judged)
