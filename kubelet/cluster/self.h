// SPDX-License-Identifier: Apache-2.0
// What the node tells a cluster of itself: of the machine and of this program. Reads the kernel and
// asks the runtime; blocks.
#pragma once

#include <map>
#include <string>

#include "cri-api/client/runtime_client.h"
#include "kubelet/node/node_object.h"
#include "kubelet/node_api/container_metrics.h"
#include "kubelet/node_api/zpages.h"
#include "kubelet/pod/runtime_config.h"
#include "lib/base/clock.h"
#include "lib/base/result.h"

namespace keelson::cluster {

// `labels` and `taints` as an operator writes them.
base::Result<node::NodeFacts> FactsOf(const pod::NodeSettings& settings, const std::string& labels,
                                      const std::string& taints, cri_client::RuntimeClient& runtime,
                                      int port);
// What /statusz, /flagz and /metrics/cadvisor tell of the program and its machine.
node_api::Program ProgramOf(const std::map<std::string, std::string>& flags,
                            const base::Clock& clock);
node_api::MachineFacts MachineOf(const node_cgroup::NodeCapacity& capacity);

}  // namespace keelson::cluster
