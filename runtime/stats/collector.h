// SPDX-License-Identifier: Apache-2.0
// Measures all live pods and containers, a round a call: keeps a reader of each one's group, a file
// of each pod's link counters, and the point from which a rate counts. One that cannot be read has
// no figures and harms no other. One caller at a time; a round never waits for a disk.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "lib/base/clock.h"
#include "lib/kernel/cgroup/usage.h"
#include "runtime/stats/disk_usage.h"
#include "runtime/stats/sample.h"

namespace keelson::stats {

struct CollectorOptions {
  cgroup::Layout cgroups;
  std::string filesystem;                        // where writable layers lie
  int most_descriptors = 4096;                   // kept open between rounds
  std::chrono::milliseconds shortest_rate{900};  // a rate over less jumps about
  std::chrono::milliseconds disk_period{60'000};
};

// A rate from two readings that are far enough apart.
class Rate {
 public:
  void Add(int64_t at, uint64_t total, std::chrono::nanoseconds shortest);
  const std::optional<uint64_t>& per_second() const { return rate_; }

 private:
  int64_t at_ = 0;
  uint64_t total_ = 0;
  std::optional<uint64_t> rate_;
};

class Collector {
 public:
  Collector(const Source& source, const base::Clock& clock, CollectorOptions options);

  SnapshotPtr Whole(Scope scope);
  // What `before` has not got; the rest of it as it is.
  SnapshotPtr Completed(const SnapshotPtr& before);
  // Nobody asks any more: nothing stays open.
  void Rest();
  int descriptors_left() const { return budget_.left(); }

 private:
  struct Container {
    std::unique_ptr<cgroup::UsageReader> reader;
    Rate cpu;
  };
  struct Pod {
    std::unique_ptr<cgroup::UsageReader> reader;
    Rate cpu;
    os::UniqueFd links;
  };
  void Forget(const Targets& targets);
  ContainerSamplePtr Measure(const ContainerTargetPtr& target, const Scope& scope);
  PodSample Measure(const PodTargetPtr& target, bool alone);
  void MeasureLinks(std::vector<PodSample>& pods);
  // Adds the pods of `targets` to the snapshot; those of `before` that are the same are taken over.
  void AddPods(const Targets& targets, const Snapshot* before, Snapshot& snapshot);

  const Source& source_;
  const base::Clock& clock_;
  const CollectorOptions options_;
  cgroup::DescriptorBudget budget_;
  std::map<std::string, Container> containers_;
  std::map<std::string, Pod> pods_;
  DiskCounter disk_;
};

}  // namespace keelson::stats
