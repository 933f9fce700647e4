#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# leaks.sh snapshot FILE | snapshot-once FILE | check FILE
# Writes down what a node leaves on a machine (processes, mounts, network namespaces, links, addresses, cgroups, firewall rules,
# sockets), and says later what is there that was not. Without FILE, `check` looks for anything of ours by its name.
set -euo pipefail
our_network=$(readlink /proc/self/ns/net)
snapshot() {
  # Only what is ours by name or content: other programs of the machine come and go.
  for exe in /proc/[0-9]*/exe; do
    target=$(readlink "$exe" 2>/dev/null || true)
    # Tests and benchmarks live in network namespaces of their own and look after themselves.
    [ "$(readlink "${exe%/exe}/ns/net" 2>/dev/null || true)" = "$our_network" ] || continue
    case $target in */keelson-*|*/keelson|*/docker-registry) pid=${exe#/proc/}; echo "process $target ${pid%/exe}" ;; esac
  done
  sed 's/^[0-9]* [0-9]* [0-9:]* //' /proc/self/mountinfo | awk '/keelson|\/var\/lib\/kubelet/ {print "mount " $2}'
  ls /run/netns 2>/dev/null | sed 's/^/netns /' || true
  ip -o link show | awk -F': ' '{sub("@.*", "", $2); print "link " $2}' | grep -E ' (keelson|kl|veth)' || true
  ip -o addr show | awk '{print "address " $2 " " $4}' | grep -E ' (keelson|kl)' || true
  find /sys/fs/cgroup -type d \( -name '*keelson*' -o -name kubepods \) 2>/dev/null | grep -Ev '/keelson-(test|bench)-' | sed 's/^/cgroup /' || true
  for save in iptables-nft-save ip6tables-nft-save iptables-legacy-save ip6tables-legacy-save; do
    command -v $save >/dev/null && $save 2>/dev/null | grep -i keelson | sed "s/^/rule $save /" || true
  done
  nft list tables 2>/dev/null | grep -i keelson | sed 's/^/rule nft /' || true
  grep -o '/[^ ]*keelson[^ ]*' /proc/net/unix | sort -u | sed 's/^/socket /' || true
}
case ${1:-} in
  snapshot) snapshot | sort -u >"$2" ;;
  snapshot-once) [ -e "$2" ] || snapshot | sort -u >"$2" ;;
  check)
    before=${2:-/dev/null}; [ -e "$before" ] || before=/dev/null
    for _ in 1 2 3 4 5 6 7 8 9 10; do # the kernel ends namespaces and links a moment after their last user
      left=$(snapshot | sort -u | comm -13 "$before" -)
      [ -z "$left" ] && { echo "nothing is left behind"; exit 0; }
      sleep 0.3
    done
    echo "left behind:"; sed 's/^/    /' <<<"$left"; exit 1 ;;
  *) echo "usage: leaks.sh snapshot FILE | snapshot-once FILE | check [FILE]" >&2; exit 2 ;;
esac
