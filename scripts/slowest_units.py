#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The ten slowest steps of a build, from ninja's log."""
import sys

seconds = {}
for line in open(sys.argv[1]):
    if not line.startswith("#"):
        start, end, _, output, _ = line.rstrip("\n").split("\t")
        seconds[output] = (int(end) - int(start)) / 1000
for output, took in sorted(seconds.items(), key=lambda item: -item[1])[:10]:
    print(f"    {took:6.1f} s  {output.replace('CMakeFiles/', '')}")
