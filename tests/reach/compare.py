#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a container can reach under one runtime and not under another, from reports of tests/reach/probe.

    compare.py known.txt WHERE OURS OURS -- THEIRS THEIRS     prints differences that known.txt does not explain; 1 when there are any

A line of a report is "area<tab>subject<tab>action<tab>result". What counts is whether a thing was let: "ok…" was, an error's name was not;
of a system call asked for nonsense only that it was not let in counts (EPERM, EACCES, ENOSYS, SIGSYS). What one side's runs do not agree
on is the machine's doing and nobody's difference. A line of known.txt is "where | more or less | area subject action, with * and ? | why":
where is a word out of WHERE ("oci,v1,plain"), or any."""
import collections
import fnmatch
import sys

REFUSALS = {"EPERM", "EACCES", "ENOSYS", "signal 31", None}


class Report:
    def __init__(self, path):
        self.said = {}
        with open(path, errors="replace") as file:
            lines = file.read().split("\n")
        if lines[-2:] != ["end", ""]:
            raise SystemExit(f"{path} has no end: the probe died\n" + "\n".join(lines[-3:]))
        for line in lines[:-2]:
            area, subject, action, result = line.split("\t")
            self.said[f"{area} {subject} {action}"] = result


def mask(text):
    return int(text or "0", 16)


def was_let(key, result):
    """What of a thing was let, as a set: one runtime lets more when its set has what the other's has not."""
    area, _, rest = key.partition(" ")
    if result is None:
        return set()
    if area.startswith("call"):
        return set() if result in REFUSALS else {"let in"}
    if area == "status":
        name = rest.rpartition(" ")[0]
        if name.startswith("Cap"):
            return {f"capability {bit}" for bit in range(64) if mask(result) >> bit & 1}
        if name == "Groups":
            return {f"group {group}" for group in result.split()}
        if name in ("NoNewPrivs", "Seccomp"):
            return {"free"} if result == "0" else set()
        return {result}
    if area == "limit":
        return {result}
    return {result} if result.startswith("ok") else set()


def agreed(reports, key, of):
    return set.intersection(*(was_let(key, r.said.get(key)) for r in reports)) if of == "all" else \
        set.union(*(was_let(key, r.said.get(key)) for r in reports))


def differences(ours, theirs):
    """[(direction, key, what we said, what they said)]; every run of the one has what no run of the other has."""
    keys = dict.fromkeys(k for report in ours + theirs for k in report.said)
    for key in keys:
        # Below what one side does not even see, nothing more is to be said than that.
        for direction, these, those in (("more", ours, theirs), ("less", theirs, ours)):
            if agreed(these, key, "all") - agreed(those, key, "any"):
                yield direction, key, ours[0].said.get(key), theirs[0].said.get(key)


class Known:
    def __init__(self, path):
        self.rows = []
        with open(path) as file:
            for line in file:
                if line.strip() and not line.startswith("#"):
                    where, direction, pattern, why = (part.strip() for part in line.split(" | ", 3))
                    self.rows.append((where, direction, pattern, why))
        self.used = collections.Counter()

    def explains(self, where, direction, key):
        for row in self.rows:
            if row[0] in where | {"any"} and row[1] == direction and fnmatch.fnmatchcase(key, row[2]):
                self.used[row] += 1
                return True
        return False

    def never_seen(self, where):
        return [row for row in self.rows if row[0] in where | {"any"} and not self.used[row]]


def compare(known, where, ours, theirs):
    """Lines of what is not explained."""
    ours, theirs = [Report(p) for p in ours], [Report(p) for p in theirs]
    return [f"{direction}: {key}: {us} (theirs: {them})" for direction, key, us, them in differences(ours, theirs)
            if not known.explains(where, direction, key)]


if __name__ == "__main__":
    at = sys.argv.index("--")
    found = compare(Known(sys.argv[1]), set(sys.argv[2].split(",")), sys.argv[3:at], sys.argv[at + 1:])
    print("\n".join(found))
    sys.exit(1 if found else 0)
