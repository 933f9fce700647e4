// SPDX-License-Identifier: Apache-2.0
// Who is measured: the live pods and containers, as their owner tells. Targets never change; an
// owner makes new ones when what they say changes. Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace keelson::stats {

// What metrics are labelled with, as cAdvisor does.
struct Names {
  std::string pod;
  std::string pod_namespace;
  std::string container;  // empty: the pod itself
  std::string image;
};

struct ContainerTarget {
  std::string id;
  std::string sandbox_id;
  std::string cgroup_path;
  std::string writable_layer;  // a directory of ours; empty: none
  int32_t pid = 0;             // its first process
  int64_t started_at = 0;      // wall nanoseconds
  Names names;
  std::map<std::string, std::string> labels;
  std::string attributes;  // cri::ContainerStats with its attributes alone, serialised
};

struct PodTarget {
  std::string id;
  std::string cgroup_path;  // the group above its containers'
  std::string netns_path;   // a pin of its network namespace; empty: the host's, not measured
  Names names;
  std::map<std::string, std::string> labels;
  std::string attributes;  // cri::PodSandboxStats with its attributes alone, serialised
};

using ContainerTargetPtr = std::shared_ptr<const ContainerTarget>;
using PodTargetPtr = std::shared_ptr<const PodTarget>;

struct Targets {
  uint64_t generation = 0;
  std::vector<ContainerTargetPtr> containers;  // those that run, by id
  std::vector<PodTargetPtr> pods;              // those that are ready, by id
};

class Source {
 public:
  virtual ~Source() = default;
  virtual Targets Live() const = 0;
  // Grows whenever Live() would say something else.
  virtual uint64_t Generation() const = 0;
};

}  // namespace keelson::stats
