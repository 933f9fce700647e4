// SPDX-License-Identifier: Apache-2.0
// Which services' rules are refused, by iptables or by the kernel: found by trying them, in halves
// and at last alone, in a network namespace of its own that is thrown away. What a service alone
// does there it does on the node; nothing of the node changes.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/kernel/xtables/xtables.h"
#include "proxy/apply/iptables/rules.h"

namespace keelson::proxy::iptables {

using Trial = std::function<base::Status(const Pieces&)>;

// Of the pieces named, those that `trial` refuses alone, twice, while it takes none at all: by name
// with what it said. Tries about as often as twice the logarithm of their number for each.
std::map<std::string, std::string> FindRefused(const Pieces& pieces,
                                               const std::vector<std::string>& names,
                                               const Trial& trial);

// The pieces with the fixed rules and the jumps to them, in a namespace of its own; where none can
// be made, read by iptables alone, which does not ask the kernel.
base::Status TryElsewhere(const xtables::Flavour& flavour, const Pieces& pieces,
                          const Options& options);

}  // namespace keelson::proxy::iptables
