# SPDX-License-Identifier: Apache-2.0
"""One run of critest: its command line, its report read, and what it skipped compared with skips.txt."""
import dataclasses
import json
import os
import re
import subprocess

here = os.path.dirname(os.path.abspath(__file__))
SPECS = 117  # of v1.36, without benchmarks


@dataclasses.dataclass
class Spec:
    name: str
    state: str  # passed, failed, skipped
    milliseconds: int
    reason: str


def conditions():
    """What a kernel or machine may not be able to do, by the words of skips.txt."""
    def text(path):
        try:
            with open(path) as file:
                return file.read()
        except OSError:
            return ""
    return {"always": True, "no-apparmor": not text("/sys/module/apparmor/parameters/enabled").startswith("Y"),
            "no-selinux": not os.path.exists("/sys/fs/selinux/enforce"), "cgroup-v1": not os.path.exists("/sys/fs/cgroup/cgroup.controllers")}


def expected_skips(path=os.path.join(here, "skips.txt")):
    """{spec name: reason} of those that this machine has to skip."""
    holds, out = conditions(), {}
    with open(path) as file:
        for number, line in enumerate(file, 1):
            line = line.strip()
            if not line or line.startswith("#"):
                continue
            condition, name, reason = (word.strip() for word in line.split("|"))
            if condition not in holds:
                raise RuntimeError(f"{path}:{number}: unknown condition {condition}")
            if holds[condition]:
                out[name] = reason
    return out


def run(programs, runtime, folder, at_once, websocket, focus, seconds):
    """[Spec], in the order of the report, and the exit status; output goes to folder/output."""
    os.makedirs(folder, exist_ok=True)
    arguments = [f"-{which}={runtime.endpoint}" for which in ("runtime-endpoint", "image-endpoint")] + ["-config=" + folder + "/none"]
    if websocket:
        arguments += ["-websocket-exec", "-websocket-attach", "-websocket-portforward"]
    # By the ginkgo command in both cases: `critest -parallel` calls the same, and one way of reporting is enough.
    command = [programs + "/ginkgo", "run", f"--procs={at_once}", "--no-color", "--json-report=report.json", f"--output-dir={folder}",
               f"--timeout={seconds}s", "--skip=benchmark", "--randomize-all", "--keep-going"]
    command += ([f"--focus={focus}"] if focus else []) + [programs + "/critest.test", "--"] + arguments
    with open(folder + "/output", "w") as output:
        done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, timeout=seconds + 120)
    with open(folder + "/report.json") as file:
        return list(specs_of(json.load(file), bool(focus))), done.returncode


def specs_of(report, focused):
    for suite in report:
        for spec in suite.get("SpecReports") or []:
            failure = (spec.get("Failure") or {}).get("Message", "").strip()
            if spec["LeafNodeType"] != "It":
                if spec["State"] not in ("passed", "skipped"):
                    yield Spec(spec["LeafNodeType"], "failed", 0, one_line(failure))
                continue
            name = " ".join([*(spec.get("ContainerHierarchyTexts") or []), spec["LeafNodeText"]])
            state = {"passed": "passed", "skipped": "skipped"}.get(spec["State"], "failed")
            if state == "skipped" and not failure and ("benchmark" in name or focused):
                continue  # not asked for
            yield Spec(name, state, int(spec.get("RunTime", 0) / 1e6), one_line(failure) or spec["State"])


def one_line(text):
    return re.sub(r"\s+", " ", text)[:400]


def judged(specs, focused):
    """The same, with skips that are not listed, and listed ones that ran, as failures."""
    expected = expected_skips()
    for spec in specs:
        if spec.state == "skipped" and spec.name in expected:
            spec.reason = expected[spec.name]
        elif spec.state == "skipped":
            spec.state, spec.reason = "failed", f"was skipped and is not in skips.txt: {spec.reason}"
        elif spec.name in expected and spec.state == "passed":
            spec.state, spec.reason = "failed", "is in skips.txt for this machine, and ran"
        yield spec
    if not focused:
        names = {spec.name for spec in specs}
        for name in expected:
            if name not in names:
                yield Spec(name, "failed", 0, "is in skips.txt, and the suite has no such spec")
        if len(names) != SPECS:
            yield Spec("the whole suite", "failed", 0, f"{len(names)} specs were reported, the suite has {SPECS}")
