// SPDX-License-Identifier: Apache-2.0
// What a filter says of a node, and what people are told when no node is left. Plain values. The
// words are upstream's (kube-scheduler 1.35), which clients and operators match.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "minimal-master/scheduler/model/symbols.h"

namespace keelson::scheduler::decide {

enum Why : uint32_t {
  kNodeUnschedulable = 1u << 0,
  kNodeName = 1u << 1,
  kTaint = 1u << 2,
  kNodeAffinity = 1u << 3,
  kPorts = 1u << 4,
  kTooManyPods = 1u << 5,
  kCpu = 1u << 6,
  kMemory = 1u << 7,
  kStorage = 1u << 8,
  kOtherResource = 1u << 9,  // those of Verdict::short_of
  kVolumeNode = 1u << 10,
  kVolumeGone = 1u << 11,
  kVolumeNone = 1u << 12,
  kSpread = 1u << 13,
  kSpreadLabel = 1u << 14,
  kPodAffinity = 1u << 15,
  kPodAntiAffinity = 1u << 16,
  kExistingAntiAffinity = 1u << 17,
  kNoVictims = 1u << 18,
  kNotNamed = 1u << 19,  // its node affinity names others
  kNoHelp = 1u << 20,    // of preemption: what keeps it away are not pods
  kClaims = 1u << 21,    // of the pod as a whole: its claims are not there or not bound
  kConflict = 1u << 22,  // of the pod as a whole: no node can fit its terms
  kNoNodes = 1u << 23,   // there is none
};
constexpr uint32_t kFit = kTooManyPods | kCpu | kMemory | kStorage | kOtherResource;

struct Verdict {
  uint32_t why = 0;
  bool hopeless = false;                // taking pods away would not help
  std::vector<model::Symbol> short_of;  // of kOtherResource
  bool ok() const { return why == 0; }

  static Verdict Not(Why why) { return {why, false, {}}; }
  static Verdict Never(Why why) { return {why, true, {}}; }
};

// How many nodes say what.
class Tally {
 public:
  explicit Tally(const model::Symbols& symbols) : symbols_(symbols) {}
  void Add(const Verdict& verdict, size_t times = 1);
  // "2 Insufficient cpu, 1 Too many pods": as text, so that 10 comes before 2, as upstream has it.
  std::string Text() const;

 private:
  const model::Symbols& symbols_;
  std::map<std::string, size_t> counts_;
};

// "0/3 nodes are available: 3 Insufficient cpu."; `reasons` may be empty.
std::string NoneOf(size_t nodes, const std::string& reasons);

}  // namespace keelson::scheduler::decide
