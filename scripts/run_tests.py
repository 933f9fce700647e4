#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs every test that ctest knows in a build folder, counts single cases, prints failures whole, every skip with its reason,
the ten slowest cases, and the closing line. Labels: unit and lint run side by side; component, contract, conformance and crash
touch the kernel and run one after another. The lab machine is emulated and slow: `lab` marks programs that run once more in it on each
kernel, `lab_newest` those that do on the newest, `lab_long` those that do with --whole-lab only (then all do, on each; `lab_newest_long`: on the newest). `images` marks
those that use the demo images, which are made before, since the lab machine has no network; `prepared` those whose program
is called with --prepare before, likewise. `lab_only` programs run nowhere else. `lab_systemd` marks those that run in it, on
the newest kernel, with systemd as process 1. A program that is not googletest's counts its cases by
lines `case passed|failed|skipped <n> ms NAME[ -- REASON]`. Lab machines, each of which keeps one core busy, run beside those that run
one after another; those of the highest COST (about the seconds there) begin first. What is there afterwards and was not before (mounts, links, cgroups of
tests, processes of this build) is printed; on a machine that others share it may be theirs. With --reports=FOLDER (scripts/sanitize) every file in it when all is done is a
failure, and programs have three times as long."""
import concurrent.futures
import json
import os
import re
import subprocess
import sys
import time

LAB_KERNELS = ("6.12", "6.1")
build = sys.argv[1]
arguments = sys.argv[2:]
use_lab = "--no-lab" not in arguments
whole_lab = "--whole-lab" in arguments
only = next((a for a in arguments if not a.startswith("--")), "")
reports = next((a.removeprefix("--reports=") for a in arguments if a.startswith("--reports=")), "")
cores = len(os.sched_getaffinity(0))
root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def known_tests():
    listing = json.loads(subprocess.check_output(["ctest", "--show-only=json-v1"], cwd=build))
    for test in listing["tests"]:
        if "command" not in test:
            yield test["name"], None, set(), 60, 0
            continue
        properties = {p["name"]: p["value"] for p in test.get("properties", [])}
        limit = int(properties.get("TIMEOUT", 300)) * (3 if reports else 1)
        yield test["name"], test["command"], set(properties.get("LABELS", [])), limit, float(properties.get("COST", 0))


def parse(name, text, status):
    """[(case, outcome, milliseconds, reason)] of a program's output; a program without cases is one case itself."""
    cases, pending = [], []
    for line in text.splitlines():
        match = re.match(r"\[\s+(OK|FAILED|SKIPPED)\s+\] (\S+?),? .*\((\d+) ms\)", line)
        if line.startswith("[ RUN "):
            pending = []
        elif match:
            outcome = {"OK": "passed", "FAILED": "failed", "SKIPPED": "skipped"}[match[1]]
            reason = " ".join(p.strip() for p in pending if p.strip() and not re.match(r".*: Skipped$", p))
            cases.append((f"{name}: {match[2]}", outcome, int(match[3]), reason))
        elif told := re.match(r"case (passed|failed|skipped) (\d+) ms (.+?)(?: -- (.*))?$", line):
            cases.append((f"{name}: {told[3]}", told[1], int(told[2]), told[4] or ""))
        else:
            pending.append(line)
    if not cases or (status != 0 and all(c[1] != "failed" for c in cases)):
        skipped = re.search(r"^SKIP: (.*)$", text, re.M) if status == 77 else None
        outcome = "skipped" if skipped else "passed" if status == 0 else "failed"
        cases.append((f"{name} (whole program)", outcome, 0, skipped[1] if skipped else f"exit status {status}"))
    return cases


def run(name, command, limit):
    start = time.monotonic()
    if command is None:
        return name, [(name, "failed", 0, "was not built")], ""
    try:
        done = subprocess.run(command, cwd=build, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=limit, start_new_session=True)
        text, status = done.stdout.decode(errors="replace"), done.returncode
    except subprocess.TimeoutExpired as late:
        text, status = (late.stdout or b"").decode(errors="replace") + f"\nnot done after {limit} s", 124
    cases = parse(name, text, status)
    print(f"    {name}: {sum(c[1] == 'passed' for c in cases)} passed, {sum(c[1] == 'failed' for c in cases)} failed, "
          f"{sum(c[1] == 'skipped' for c in cases)} skipped, {time.monotonic() - start:.1f} s", flush=True)
    return name, cases, text


def of_tests():
    """What tests make on the machine and take away again."""
    found = set()
    with open("/proc/self/mounts") as mounts:
        found |= {f"mount {line.split()[1]}" for line in mounts if re.match(r"/(tmp|run|var/tmp)/(keelson|kln)", line.split()[1])}
    found |= {f"link {name}" for name in os.listdir("/sys/class/net") if re.match(r"kl|keelson", name)}
    for tree in [""] + [name for name in os.listdir("/sys/fs/cgroup") if os.path.isdir(f"/sys/fs/cgroup/{name}/")]:
        at = os.path.join("/sys/fs/cgroup", tree)
        found |= {f"cgroup {name}" for name in os.listdir(at) if re.match(r"(keelson|kln)", name)}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            program = os.readlink(f"/proc/{pid}/exe")
            if program.startswith(os.path.realpath(build) + os.sep):
                with open(f"/proc/{pid}/cmdline") as words:
                    found.add(f"process {pid} {program} {' '.join(words.read().split(chr(0))[1:])}".rstrip())
        except OSError:
            continue  # it has ended, or is not ours to look at
    return found


before = of_tests()
tests = [t for t in known_tests() if only in t[0]]
serial_labels = {"component", "contract", "conformance", "crash"}
here = [t for t in tests if "lab_only" not in t[2]]
parallel = [t for t in here if not t[2] & serial_labels]
serial = [t for t in here if t[2] & serial_labels]
results = []
if any("images" in t[2] for t in tests) and os.geteuid() == 0:
    print("==> the demo images", flush=True)
    made = subprocess.run([os.path.join(root, "scripts/demo-images.sh")], stdin=subprocess.DEVNULL)
    if made.returncode != 0:
        results.append(("demo images", [("demo images: are made", "failed", 0, f"exit status {made.returncode}")], ""))
for program in sorted({t[1][0] for t in tests if "prepared" in t[2] and t[1]}) if os.geteuid() == 0 else ():
    print(f"==> {os.path.relpath(program, root)} --prepare", flush=True)
    made = subprocess.run([program, "--prepare"], stdin=subprocess.DEVNULL)
    if made.returncode not in (0, 77):
        results.append((program, [(f"{program} --prepare", "failed", 0, f"exit status {made.returncode}")], ""))
print(f"==> {len(parallel)} programs side by side", flush=True)
with concurrent.futures.ThreadPoolExecutor(cores) as pool:
    results += pool.map(lambda t: run(t[0], t[1], t[3]), parallel)


def in_lab(job):
    kernel, test = job
    limit = min(3600, max(1200, 8 * test[3]))
    command = [os.path.join(root, "scripts/lab"), "--kernel", kernel, "--timeout", str(limit), "--scratch",
               "1024:/var/lib/keelson-lab", "--env", "TMPDIR=/var/lib/keelson-lab"]
    command += (["--systemd"] if "lab_systemd" in test[2] else []) + ["--"] + test[1]
    return run(f"{test[0]} on {kernel}", command, limit + 60)


def lab_jobs():
    for kernel in LAB_KERNELS if use_lab else ():
        labels = {"lab"} | ({"lab_newest", "lab_systemd"} if kernel == LAB_KERNELS[0] else set())
        if whole_lab:
            labels |= {"lab_newest", "lab_long"} | ({"lab_newest_long"} if kernel == LAB_KERNELS[0] else set())
        yield from ((kernel, t) for t in tests if t[2] & labels and t[1])


jobs = sorted(lab_jobs(), key=lambda job: -job[1][4])
with concurrent.futures.ThreadPoolExecutor(max(2, cores - 1)) as pool:
    if jobs:
        print(f"==> {len(jobs)} programs in lab machines, kernels {' and '.join(LAB_KERNELS)}, cgroup v2", flush=True)
    in_labs = [pool.submit(in_lab, job) for job in jobs]
    print(f"==> {len(serial)} programs on the real kernel, one after another", flush=True)
    results += [run(t[0], t[1], t[3]) for t in serial]
    results += [job.result() for job in in_labs]

for report in sorted(os.listdir(reports)) if reports else ():
    with open(os.path.join(reports, report), errors="replace") as file:
        text = file.read()
    first = re.search(r"^.*(?:WARNING|ERROR|runtime error): .*$", text, re.M)
    results.append((report, [(f"report {report}", "failed", 0, first[0].strip() if first else "see above")], text))

cases = [case for _, found, _ in results for case in found]
for name, found, text in results:
    if any(case[1] == "failed" for case in found):
        print(f"\n==> output of {name}\n{text[-12000:]}")
if left := sorted(of_tests() - before):
    print("==> left behind, by this run or by another beside it")
    for one in left:
        print(f"    {one}")
print("==> the ten slowest cases")
for case in sorted(cases, key=lambda c: -c[2])[:10]:
    print(f"    {case[2] / 1000:6.1f} s  {case[0]}")
for outcome, title in (("skipped", "skipped"), ("failed", "FAILED")):
    chosen = [case for case in cases if case[1] == outcome]
    if chosen:
        print(f"==> {title}")
        for case in chosen:
            print(f"    {case[0]}: {case[3] or 'no reason given'}")
count = {outcome: sum(case[1] == outcome for case in cases) for outcome in ("passed", "failed", "skipped")}
print(f"{count['passed']} passed, {count['failed']} failed" + (f", {count['skipped']} skipped" if count["skipped"] else ""))
sys.exit(1 if count["failed"] or not count["passed"] else 0)
