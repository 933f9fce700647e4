// SPDX-License-Identifier: Apache-2.0
// Amounts of what nodes have and pods ask for. Plain values.
#pragma once

#include <utility>
#include <vector>

#include "lib/json/value.h"
#include "minimal-master/scheduler/model/symbols.h"

namespace keelson::scheduler::model {

struct Resources {
  int64_t cpu = 0;  // thousandths
  int64_t memory = 0;
  int64_t storage = 0;                            // ephemeral-storage
  std::vector<std::pair<Symbol, int64_t>> other;  // extended ones and huge pages, by symbol

  int64_t Other(Symbol name) const;
  int64_t& OtherRef(Symbol name);
  void Add(const Resources& b);
  void Remove(const Resources& b);
  void Raise(const Resources& b);  // each to at least that of `b`
  bool IsZero() const { return cpu == 0 && memory == 0 && storage == 0 && other.empty(); }
  friend bool operator==(const Resources&, const Resources&) = default;
};

// What a container has no request for is scored as if it asked for this much.
constexpr int64_t kAssumedCpu = 100;
constexpr int64_t kAssumedMemory = 200 * 1024 * 1024;

// A list of quantities; "pods" is left out: it is a count of its own.
Resources ResourcesOf(const json::Value& list, Symbols& symbols);

// What a pod takes of a node: containers together, or an init container with the side-cars before
// it where that is more; pod-level requests instead where there are any; and the overhead.
struct PodRequests {
  Resources exact;
  int64_t scored_cpu = 0;
  int64_t scored_memory = 0;
};
PodRequests RequestsOf(const json::Value& pod, Symbols& symbols);

}  // namespace keelson::scheduler::model
