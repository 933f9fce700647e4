// SPDX-License-Identifier: Apache-2.0
// Which pod goes when a node runs short, what is said of it, which pods go because they took more
// of the node's disk than they may, and which are not let in. Pure. Order and words are upstream's
// kubelet's.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "kubelet/eviction/watch.h"
#include "kubelet/pod/facts.h"

namespace keelson::eviction {

struct DiskUse {
  int64_t bytes = 0, inodes = 0;
};
struct ContainerUse {
  std::string name;
  int64_t memory = 0;  // its working set
  DiskUse layer, logs;
};
struct PodUse {
  int64_t memory = 0, processes = 0;
  std::vector<ContainerUse> containers;
  std::map<std::string, DiskUse> volumes;  // on the node's disk, by name
};
struct Candidate {
  const kube::Pod* pod = nullptr;
  std::optional<PodUse> use;  // nothing: not known
};

// Who goes first first: those that use more than they asked for, then by priority, then by how much
// more; of processes by priority and number. `apart`: images and containers have a disk of their
// own.
void Rank(std::vector<Candidate>& candidates, Signal signal, bool apart);
// Never a static pod, nor one of the system's priorities.
bool MayBeEvicted(const kube::Pod& pod);

struct Notice {
  std::string message;
  std::map<std::string, std::string> annotations;  // of the event
};
Notice NoticeOf(const Threshold& shortage, const Observations& observations,
                const Candidate& candidate);

// Whether its use of the disk has to be measured all the time: something of it has a limit.
bool HasDiskLimits(const kube::Pod& pod);
// What it took too much of: an emptyDir over its size, a container or pod over its ephemeral
// storage.
std::optional<std::string> OverItsLimits(const Candidate& candidate, bool apart);

// As upstream: under memory pressure alone best effort pods stay out unless they tolerate its
// taint, under any other all do; static ones and the system's come in.
std::optional<pod::End> RefusalUnder(const std::set<Condition>& conditions, const kube::Pod& pod);

}  // namespace keelson::eviction
