// SPDX-License-Identifier: Apache-2.0
// `keelson-proxy fsck`: observes, judges and, when asked to, mends; in the calling thread's network
// namespace. `kept`: a proxy is set up on this node, whether it lives or not. Blocks.
#pragma once

#include "lib/base/result.h"
#include "lib/inventory/report.h"

namespace keelson::proxy::inventory {

base::Result<keelson::inventory::Report> Check(bool kept, bool mend);

}  // namespace keelson::proxy::inventory
