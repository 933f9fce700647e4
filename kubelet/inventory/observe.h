// SPDX-License-Identifier: Apache-2.0
// Reads a kubelet's folders, mounts, cgroups and the processes that may be its daemon. Changes
// nothing. Blocking. What pods have written is counted, never opened.
#pragma once

#include <string>
#include <vector>

#include "kubelet/inventory/facts.h"
#include "lib/base/result.h"
#include "lib/inventory/report.h"
#include "lib/kernel/cgroup/cgroup.h"

namespace keelson::node_inventory {

struct Places {
  std::string root, logs;
  std::string links;     // empty: none
  std::string cgroup;    // "/kubepods"
  std::string endpoint;  // the CRI's
  std::string socket;    // the kubelet's own
  cgroup::Layout cgroups;
};

// All but `pods` and `blind`.
Facts ReadThings(const Places& places);
// Who is asked: the CRI and the kubelet, as far as they answer, and `runtime`, what a
// keelson-runtime knows with or without a daemon, where it is the one at the endpoint.
void ReadPods(const Places& places, const inventory::Report& runtime, Facts& facts);

}  // namespace keelson::node_inventory
