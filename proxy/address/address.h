// SPDX-License-Identifier: Apache-2.0
// The addresses at which this node's pods ask for names, held on a link of our own: whoever cleans
// up, and whoever looks, finds them by its name. They outlive the process. Blocks; works in the
// network namespace of the calling thread.
#pragma once

#include <vector>

#include "lib/base/ip_address.h"
#include "lib/base/result.h"

namespace keelson::proxy::address {

inline constexpr char kLink[] = "keelson-dns";

// The link is there, up, and has these addresses alone; true: it was not so before.
base::Result<bool> Hold(const std::vector<base::IpAddress>& wanted);
base::Status Release();  // absent is success

}  // namespace keelson::proxy::address
