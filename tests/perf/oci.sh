#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Run by scripts/bench in namespaces of its own, where it is process 1: finds the runtimes and lets oci.py measure them.
set -euo pipefail
. "$here/tests/perf/peers.sh"
wanted() { [ -z "$only" ] || [[ ",$only," == *",$1,"* ]]; }
version_of() { "$1" --version | sed -n '1s/.* version //p' | cut -d'+' -f1; }
sides=("keelson-oci=$here/build/$preset/bin/keelson-oci")
for side in crun runc runc2; do
  wanted "$side" || continue
  program=$(command -v "${side%2}") || program=
  [ "$side" != runc2 ] || program=$peers_dir/runc
  if [ -x "$program" ]; then sides+=("${side%2}-$(version_of "$program")=$program"); else echo "$side is left out: it is not on this machine"; fi
done
for hierarchy in /sys/fs/cgroup/*/; do mkdir "$hierarchy$name" 2>/dev/null || true; done
[ ! -e /sys/fs/cgroup/cgroup.controllers ] || mkdir -p "/sys/fs/cgroup/$name"
if [ -d "/sys/fs/cgroup/cpuset/$name" ]; then
  for file in cpuset.cpus cpuset.mems; do cat "/sys/fs/cgroup/cpuset/$file" >"/sys/fs/cgroup/cpuset/$name/$file"; done
fi
exec python3 "$here/tests/perf/oci.py" --work "$work" --group "$name" --rounds "$rounds" --cycles "$cycles" \
  --floor "$here/build/$preset/bin/keelson-oci-floor" "${sides[@]}"
