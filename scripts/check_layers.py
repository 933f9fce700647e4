#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks every #include "…" of our sources against layers.txt, and the list of banned calls. Exit 1 with each offence."""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
rules = {}
for line in (root / "layers.txt").read_text().splitlines():
    line = line.split("#")[0].strip()
    if line:
        folder, allowed = line.split(":")
        rules[folder.strip()] = allowed.split()

# What may not be called, where it may after all, and why.
BANS = [
    (r"#include <regex>", (), "slow to compile and to run: use RE2 or a small parser"),
    (r"\bstd::system\(|\bpopen\(", (), "a shell between us and a program: use os::ChildProcess"),
    (r"KEELSON_(BIN|SOURCE)_DIR", ("lib/base/testing",), "a path that differs with each checkout: use lib/base/testing/places.h"),
    (r"\bsleep_for\(|\busleep\(", ("tests/perf",), "waits that are not for an event: use timers, conditions or poll"),
]

# What may not be called where paths are a container's, tests aside.
CONTAINER_PATHS = ("runtime/rootfs", "runtime/launcher")
PATH_CALLS = re.compile(r"(^|[^\w:.>])(::)?(open|mkdir|mknod|chown|lchown|chmod|symlink|link|unlink|rename|mount|stat|lstat|access)\(|std::filesystem")


def below(path, folder):
    return path == folder or path.startswith(folder + "/")


offences = []
sources = [p for d in ("lib", "cri-api", "runtime", "oci", "kubelet", "cli", "proxy", "minimal-master", "supervise", "tests")
           for p in (root / d).rglob("*") if p.suffix in (".h", ".cc")]
for path in sources:
    name = path.relative_to(root).as_posix()
    folder = max((f for f in rules if below(name, f)), key=len, default=None)
    if folder is None:
        offences.append(f"{name}: no line of layers.txt covers it")
        continue
    is_main = path.name == "main.cc"
    is_test = path.name.endswith("_test.cc")
    for number, line in enumerate(path.read_text().splitlines(), 1):
        include = re.match(r'#include "([^"]+)"', line)
        if include:
            target = include.group(1)
            component = name.split("/")[0]
            allowed = rules[folder] + [folder] + ([component, "lib"] if is_main else [])
            if not target.endswith(".pb.h") and "/" in target and not any(below(target, a) for a in allowed):
                # A test may use the fake that sits beside an interface of its own component.
                if not (is_test and below(target, component)):
                    offences.append(f"{name}:{number}: {folder} may not include {target}")
        for pattern, exempt, reason in BANS:
            if re.search(pattern, line) and not any(below(name, e) for e in exempt) and not line.lstrip().startswith("//"):
                offences.append(f"{name}:{number}: banned ({reason}): {line.strip()}")
        if not is_test and any(below(name, f) for f in CONTAINER_PATHS) and PATH_CALLS.search(line) and not line.lstrip().startswith("//"):
            offences.append(f"{name}:{number}: a call by path below a container's root: use os::RootedDir and descriptors: {line.strip()}")
    lines = len(path.read_text().splitlines())
    if lines > (1200 if is_test else 700):
        offences.append(f"{name}: {lines} lines: split it by what it is made of")
for offence in offences:
    print(offence)
print(f"{len(sources)} files checked, {len(offences)} offences")
sys.exit(1 if offences else 0)
