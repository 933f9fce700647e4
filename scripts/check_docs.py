#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that every test named in docs/api.md, docs/conformance*.md and docs/security.md (`Suite.Name`, `Suite.*`) is in the sources, and every file
named there is in the tree; that docs/conformance-calls.md has a line for every call of the CRI; and that each of its lines names a test
with the call's name in it; that the weaknesses of docs/security.md are those of the sources. Exit 1 with each that is not so."""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
tests = set()
for folder in ("lib", "cri-api", "runtime", "oci", "kubelet", "proxy", "minimal-master", "supervise", "cli", "tests"):
    for path in (root / folder).rglob("*"):
        if path.suffix in (".cc", ".h"):
            tests.update(re.findall(r"\bTEST(?:_F|_P)?\((\w+),\s*(\w+)\)", text := path.read_text()))
            tests.update(re.findall(r"\bTYPED_TEST(?:_P)?\((\w+),\s*(\w+)\)", text))
suites = {suite for suite, _ in tests}
missing = 0
for page in ("docs/api.md", "docs/conformance.md", "docs/conformance-calls.md", "docs/conformance-kubectl.md", "docs/conformance-kubelet.md",
             "docs/conformance-proxy.md", "docs/security.md"):
    for number, line in enumerate((root / page).read_text().splitlines(), 1):
        for word in re.findall(r"`([^`]+)`", line):
            test = re.fullmatch(r"([A-Z]\w+)\.(\w+|\*)", word)
            if test and test.groups() != ("Suite", "Name"):
                known = test[1] in suites if test[2] == "*" else test.groups() in tests
            elif re.fullmatch(r"[\w-]+(/[\w.-]+)+", word):
                known = (root / word).exists()
            else:
                continue
            if not known:
                missing += 1
                print(f"{page}:{number}: there is no {word}")
calls = set()
for proto in (root / "cri-api").rglob("*.proto"):
    calls.update(re.findall(r"^\s*rpc\s+(\w+)\s*\(", proto.read_text(), re.M))
shown = set()
for number, line in enumerate((root / "docs/conformance-calls.md").read_text().splitlines(), 1):
    row = re.fullmatch(r"\| \d+ \| (\w+) \| .+ \| (.+) \|", line)
    if not row:
        continue
    shown.add(row[1])
    names = re.findall(r"`(\w+\.\w+)`", row[2])
    if row[1] not in calls or not any(re.search(rf"{row[1]}(?![a-z])", name) for name in names):
        missing += 1
        print(f"docs/conformance-calls.md:{number}: no test of this line is named after {row[1]}")
for call in sorted(calls - shown):
    missing += 1
    print(f"docs/conformance-calls.md: no line for {call}")
undone, named = set(), set()
for folder in ("lib", "runtime", "oci"):
    for path in (root / folder).rglob("*.cc"):
        undone.update(re.findall(r'KEELSON_WEAKENED_AT\("([a-z-]+)"\)', path.read_text()))
for number, line in enumerate((root / "docs/security.md").read_text().splitlines(), 1):
    if row := re.fullmatch(r"\| [^|]+ \|.*\| `([a-z.-]+)`\*? \|", line):
        named.update(row[1].split("."))
undone |= {"static", "set-uid"}  # a file's make, see tests/security/weakened_test.py
for word in sorted(undone ^ named):
    missing += 1
    print(f"docs/security.md: the weakness {word} is {'named by no row' if word in undone else 'nowhere in the sources'}")
print(f"{len(calls)} calls, {len(tests)} tests known, {missing} named that are not there")
sys.exit(1 if missing else 0)
