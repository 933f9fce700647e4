// SPDX-License-Identifier: Apache-2.0
// Pod metrics by the names that dashboards know from cAdvisor: descriptors and the values of a
// sample, each metric's label values in its descriptor's order of keys. The CRI carries whole
// numbers only: seconds are cut. MetricsMessage and
// DescriptorsMessage are pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "runtime/stats/sample.h"

namespace keelson::stats {

// What does not depend on a container: the file system of the writable layers, names of devices.
struct Machine {
  std::string filesystem_device;  // "/dev/vda1"; empty: has none
  uint64_t filesystem_bytes = 0;
  uint64_t filesystem_inodes = 0;
  uint64_t filesystem_inodes_free = 0;
  std::map<std::pair<uint32_t, uint32_t>, std::string> devices;  // those of all samples
};
// Asks sysfs and the file system; may block.
Machine DescribeMachine(const std::string& filesystem, const Snapshot& snapshot);

// cri::ListMetricDescriptorsResponse, serialised.
const std::string& DescriptorsMessage();
// cri::PodSandboxMetrics of a pod and its containers, serialised. Wants samples of everything.
std::string MetricsMessage(const PodSample& pod, const Machine& machine);

}  // namespace keelson::stats
