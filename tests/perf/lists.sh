#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Run by scripts/bench in namespaces of its own, where it is process 1: fills each side with the same containers, then times its lists.
# One side after the other: what the others' daemons do of themselves (containerd looks after each of its shims) would be in the figures.
set -euo pipefail
. "$here/tests/perf/peers.sh"
. "$here/tests/perf/sides.sh"
prepare_machine

measure() { # SIDE TITLE
  local side=$1 first begin
  echo
  echo "$2: $((pods * containers)) containers in $pods pods, $calls calls of each list; bytes, then milliseconds"
  lists() { # OPTION…
    "$bin/keelson-list-bench" --socket "/run/$side.sock" --image docker.io/library/busybox:demo --parent "/$name/$side" \
      --logs "$work/logs" --handler "$([ "$side" = keelson ] || echo runc)" "$@"
  }
  begin=$SECONDS
  lists --pods "$pods" --containers "$containers" --calls "$calls" || { echo "$2 is left out: see above"; tail -3 "$work/$side/log"; return 0; }
  echo "made and asked in $((SECONDS - begin)) s"
  # What being asked costs: processor time of the daemon in ten seconds with each list once a second, metrics aside.
  first=$(awk '{print $14 + $15}' "/proc/${pid[$side]}/stat")
  for _ in 1 2 3 4 5 6 7 8 9 10; do lists --pods 0 --calls 1 >/dev/null; sleep 1; done
  echo "processor time of the daemon while asked each second: $(($(awk '{print $14 + $15}' "/proc/${pid[$side]}/stat") - first)) ms a second"
}

for side in "${sides[@]}"; do
  start_side "$side"
  case $side in keelson) measure "$side" Keelson ;; c2) measure "$side" "containerd ${containerd2_version#v} and runc" ;; esac
  # The last one's pods go with this namespace.
  [ "$side" != keelson ] || client keelson --clear
  stop_side "$side"
done
