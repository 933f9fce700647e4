// SPDX-License-Identifier: Apache-2.0
// What plugins write: results of ADD, errors, lists of versions. Plugins are foreign programs, so
// everything is bounded and checked. Pure. Source: CNI specification 1.1, section 5, and the older
// forms of results.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"
#include "lib/json/value.h"

namespace keelson::cni {

constexpr size_t kMostOutput = 1 << 20;

struct AddResult {
  std::vector<std::string> addresses;  // of the pod's interface, without prefix, in order
  std::string host_interface;          // the machine's end, when the plugin names one
  json::Value document;                // as it was written: the next plugin's prevResult
};
// `interface`: the pod's, whose addresses count.
base::Result<AddResult> ParseAddResult(std::string_view text, const std::string& interface);

// The plugin's own words, bounded and on one line; what it wrote elsewhere when it gave none.
struct PluginError {
  int64_t code = 0;
  std::string text;
};
PluginError ParsePluginError(std::string_view out, std::string_view err);

base::Result<std::vector<std::string>> ParseVersions(std::string_view text);

}  // namespace keelson::cni
