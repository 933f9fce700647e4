// SPDX-License-Identifier: Apache-2.0
// What a keelson-runtime and its anchor hold, by name: descriptors, threads, mounts and memory of
// the two processes, every file of the state and run directories, small processes, cgroups, links,
// pinned namespaces. For tests that say nothing may be more afterwards.
#pragma once

#include <sys/types.h>

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace keelson::node_test {

// By kind; each thing by a name that says what it is.
struct Held {
  std::map<std::string, std::multiset<std::string>> things;
  std::map<std::string, long> kilobytes;  // anonymous memory, of each process
};

struct Places {
  pid_t daemon;
  std::vector<std::pair<pid_t, std::string>>
      small;  // the node's other processes: pid and command line
  std::string state, run, cgroup_root;
};

Held LookAt(const Places& places);
// What is there now and was not before; empty: nothing. A library's pools may have grown by four
// threads.
std::string More(const Held& before, const Held& now);
// No process has 3 MB more: what a burst leaves in the allocator goes back after two quiet seconds;
// what it keeps for good are high-water marks of pools, not a share of every pod.
bool Lean(const Held& before, const Held& now);
void Print(const char* when, const Held& held);  // to stderr

}  // namespace keelson::node_test
