// SPDX-License-Identifier: Apache-2.0
// From a manifest's text to a static pod: checked, with the identity that a pod without an API
// server has (name with the node's suffix, uid over content, node and path, upstream's
// annotations). Pure.
#pragma once

#include <string>
#include <string_view>

#include "lib/base/result.h"
#include "lib/kube/pod.h"

namespace keelson::source {

// Errors name the file: `web.yaml: line 3: …`.
base::Result<kube::Pod> StaticPod(const std::string& path, std::string_view text,
                                  const std::string& node_name, int64_t seen_wall_nanos);

}  // namespace keelson::source
