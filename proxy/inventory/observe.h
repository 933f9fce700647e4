// SPDX-License-Identifier: Apache-2.0
// Reads what of the calling thread's network namespace is a service proxy's. Runs iptables' own
// programs; blocks. Needs the right to look at other processes' files in /proc.
#pragma once

#include "lib/base/result.h"
#include "proxy/inventory/facts.h"

namespace keelson::proxy::inventory {

base::Result<Facts> ReadThings();

}  // namespace keelson::proxy::inventory
