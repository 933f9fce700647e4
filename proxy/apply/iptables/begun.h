// SPDX-License-Identifier: Apache-2.0
// Commands that write rules, begun by a proxy that was killed: they go on without it.
#pragma once

#include <chrono>

namespace keelson::proxy::iptables {

// Returns when no command of iptables runs in this network namespace, and none is on its way to
// being one, or after `patience`. Blocking, any thread. Source: proc(5).
void AwaitBegun(std::chrono::seconds patience);

}  // namespace keelson::proxy::iptables
