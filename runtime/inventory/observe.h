// SPDX-License-Identifier: Apache-2.0
// Reads the facts: files, mounts, links, rules, cgroups and processes, of the caller's network and
// mount namespace. Changes nothing, also not what it cannot read; daemons may live. Blocks for as
// long as counting files takes. What a container has written is counted, never opened.
#pragma once

#include "lib/base/result.h"
#include "lib/kernel/cgroup/cgroup.h"
#include "runtime/inventory/facts.h"

namespace keelson::inventory {

struct Places {
  std::string state_dir, run_dir, bridge;
  std::string boot_id;
  std::string shared_pins = "/run/netns";  // where CNI plugins look
  cgroup::Layout cgroups;
};

Records ReadRecords(const Places& places);
base::Status ReadThings(const Places& places, Facts& facts);  // facts.before is there
base::Result<Facts> Observe(const Places& places, bool daemon_runs);

}  // namespace keelson::inventory
