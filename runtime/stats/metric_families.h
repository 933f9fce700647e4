// SPDX-License-Identifier: Apache-2.0
// The table of metrics: name, type, help, labels, and how its values come from a sample. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "runtime/stats/metrics.h"

namespace keelson::stats {

// What a family's function is given and where its values go.
struct Subject {
  const ContainerSample* container = nullptr;
  const PodSample* pod = nullptr;
  const Machine* machine = nullptr;
  // Values of the family's own labels, and the metric's.
  std::function<void(const std::vector<std::string_view>&, uint64_t)> emit;
  const cgroup::Usage& usage() const { return *container->usage; }
};

struct Family {
  const char* name;
  bool counter;  // else a gauge
  const char* help;
  std::vector<const char*> labels;  // beside those that all have
  std::function<void(const Subject&)> values;
};

// Made when first wanted; never changed.
const std::vector<Family>& ContainerFamilies();
const std::vector<Family>& PodFamilies();

}  // namespace keelson::stats
