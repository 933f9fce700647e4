// SPDX-License-Identifier: Apache-2.0
// Reading what plugins wrote. Plugins are foreign programs, so everything is bounded and checked.
// Who calls this may be taken over by what it reads: keelson-read alone, and tests. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"
#include "runtime/cni/result.h"

namespace keelson::cni {

// `interface`: the pod's, whose addresses count.
base::Result<AddResult> ParseAddResult(std::string_view text, const std::string& interface);
PluginError ParsePluginError(std::string_view out, std::string_view err);
base::Result<std::vector<std::string>> ParseVersions(std::string_view text);

}  // namespace keelson::cni
