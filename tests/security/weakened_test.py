#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Shows that the tests of this folder can fail: for every row of docs/security.md that names a weakness, its tests run against programs
of which exactly that defence is undone (tests/security/CMakeLists.txt), and one of them must fail. In the lab machine only, where
nothing can be hurt; the programs end at once elsewhere. Which defence, they are told by the machine's name.
  weakened_test.py BUILD [--all] [WORD…]   --all: also the rows that take long; WORD: only rows that hold it"""
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
words = [w for w in sys.argv[2:] if not w.startswith("--")]
folder = pathlib.Path(sys.argv[1]).resolve() / "weakened"


def rows():
    """{weakness: tests} of the lines that name one; `*` after it: a long one."""
    found = {}
    for line in (ROOT / "docs/security.md").read_text().splitlines():
        cells = [c.strip() for c in line.strip("|").split("|")]
        if line.startswith("| ") and len(cells) == 6 and (weakness := re.fullmatch(r"`([a-z.-]+)`(\*?)", cells[5])):
            for test in re.findall(r"`((?:Cve|Go|Ghsa)_\w+\.\w+)`", cells[4]):
                if any(w in test or w == weakness[1] for w in words) if words else not weakness[2] or "--all" in sys.argv:
                    found.setdefault(weakness[1], []).append(test)
    return found


def set_up(weakness):
    """The defences that are a file's make, not its code's."""
    if weakness == "static":
        shutil.copy("/bin/true", folder / "keelson-init")
    if weakness == "set-uid":
        (folder / "keelson-log").chmod(0o4755)


def run_without(weakness, tests):
    name = socket.gethostname()
    socket.sethostname("weak." + weakness)
    spoilt = {"static": "keelson-init", "set-uid": "keelson-log", "program-mount": "keelson-monitor"}.get(weakness)
    kept = {spoilt: (folder / spoilt).read_bytes()} if spoilt else {}
    set_up(weakness)
    try:
        done = subprocess.run([folder / "tests_security_test", "--gtest_filter=" + ":".join(tests)], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60 + 240 * len(tests), start_new_session=True)
        return done.stdout.decode(errors="replace"), done.returncode
    except subprocess.TimeoutExpired as late:
        return (late.stdout or b"").decode(errors="replace"), 124
    finally:
        socket.sethostname(name)
        for program, content in kept.items():
            (folder / program).unlink()
            (folder / program).write_bytes(content)
            (folder / program).chmod(0o755)


def main():
    if " keelson.lab=1" not in pathlib.Path("/proc/cmdline").read_text():
        print("SKIP: weakened programs run in the lab machine only")
        return 77
    failed = count = 0
    for weakness, tests in rows().items():
        start = time.monotonic()
        text, code = run_without(weakness, tests)
        took = int((time.monotonic() - start) * 1000)
        for test in tests:
            count += 1
            # By its own words, not because the weakened programs do not run at all.
            begin = text.find("[ RUN      ] " + test + "\n")
            own = text[begin:].split("\n[ RUN ")[0] if begin >= 0 else ""
            if code == 1 and ": Failure" in own:
                print(f"case passed {took} ms {test} fails without {weakness}", flush=True)
            else:
                failed += 1
                print(own[-4000:] or text[-4000:])
                print(f"case failed {took} ms {test} fails without {weakness} -- it ended with {code}", flush=True)
    print(f"{count} tests without a defence, {count - failed} failed as they must")
    return 1 if failed or not count else 0


sys.exit(main())
