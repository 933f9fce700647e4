// SPDX-License-Identifier: Apache-2.0
// Nodes as their kubelets would write them, and pods for them.
#pragma once

#include <string>

#include "lib/base/result.h"
#include "tests/load/connection.h"

namespace keelson::load {

std::string NodeName(uint64_t number);  // "node-7"
// 8 CPUs, 32Gi, 110 pods, ready, one of ten zones. Times are when it was made.
std::string Node(uint64_t number);
// One container with small requests; the scheduler takes it.
std::string PlainPod(const std::string& name);

// So many, ready for pods, when it returns.
base::Status MakeNodes(const Client& client, uint64_t count);
// Until pods can be made in namespace default.
base::Status WaitForAccount(const Client& client);

}  // namespace keelson::load
