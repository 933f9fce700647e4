#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Keeps the list of fail points whole: every FAIL_POINT("…") of our sources is in tests/crash/points.txt and every point of the list
in a source, once each. check_points.py ROOT [PROGRAM…]: of each PROGRAM (release builds) that none of the points is in it."""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
FORM = re.compile(r"[a-z_]+(\.[a-z_]+){1,2}")
listed, places, offences = {}, set(), []
for number, line in enumerate((root / "tests/crash/points.txt").read_text().splitlines(), 1):
    words = line.split("#")[0].split()
    if not words:
        continue
    if len(words) != 2 or not words[0].startswith("keelson-") or not FORM.fullmatch(words[1]):
        offences.append(f"tests/crash/points.txt:{number}: expected 'PROGRAM POINT [# REMARK]', got '{line}'")
    elif tuple(words) in places:
        offences.append(f"tests/crash/points.txt:{number}: '{line}' is there twice")
    else:
        places.add(tuple(words))
        listed.setdefault(words[1], number)
found = {}
for folder in ("lib", "runtime", "oci", "kubelet", "proxy", "minimal-master", "supervise", "cli"):
    for path in sorted((root / folder).rglob("*.cc")):
        if path.name.endswith("_test.cc"):
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            for point in re.findall(r'\bFAIL_POINT\("([^"]*)"\)', line):
                where = f"{path.relative_to(root)}:{number}"
                if point in found:
                    offences.append(f"{where}: '{point}' is at {found[point]} as well: a name is one place")
                found[point] = where
for point, where in sorted(found.items()):
    if point not in listed:
        offences.append(f"{where}: '{point}' is not in tests/crash/points.txt")
for point, number in sorted(listed.items()):
    if point not in found:
        offences.append(f"tests/crash/points.txt:{number}: no source has '{point}'")
if not found:
    offences.append("no source has a point: is this the root of the sources?")
for program in sys.argv[2:]:
    data = pathlib.Path(program).read_bytes()
    inside = [p for p in found if p.encode() + b"\0" in data] + (["KEELSON_FAIL_POINTS"] if b"KEELSON_FAIL_POINTS" in data else [])
    if inside:
        offences.append(f"{program}: fail points are compiled into it: {', '.join(inside[:3])}")
for offence in offences:
    print(offence)
print(f"{len(found)} points, {len(places)} places")
sys.exit(1 if offences else 0)
