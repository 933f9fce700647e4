// SPDX-License-Identifier: Apache-2.0
// `keelson-runtime fsck`: observes, judges and, when asked to, mends. With or without a daemon;
// while none runs the daemon's lock is held, so that none begins meanwhile. Blocks.
#pragma once

#include <string>

#include "lib/base/result.h"
#include "lib/inventory/report.h"

namespace keelson::inventory {

struct CheckOptions {
  std::string state_dir, run_dir, binary_dir, socket, bridge;
  std::string pod_subnet, pod_network;
  bool mend = false;
};

base::Result<Report> Check(const CheckOptions& options);

}  // namespace keelson::inventory
