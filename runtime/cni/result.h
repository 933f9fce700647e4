// SPDX-License-Identifier: Apache-2.0
// What plugins say: results of ADD, errors. Plain data, made of their JSON by keelson-read
// (parse_result.h, result_codec.h). Source: CNI specification 1.1, section 5, and the older forms
// of results.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace keelson::cni {

constexpr size_t kMostOutput = 1 << 20;

struct AddResult {
  std::vector<std::string> addresses;  // of the pod's interface, without prefix, in order
  std::string host_interface;          // the machine's end, when the plugin names one
  std::string document;                // all of it, as JSON: the next plugin's prevResult
};

// The plugin's own words, bounded and on one line; what it wrote elsewhere when it gave none.
struct PluginError {
  int64_t code = 0;
  std::string text;
};

// Whether a text is one JSON object and nothing else, without space between its parts: what may be
// put into another document as it is. Looks at every character, makes nothing of it. Pure.
bool IsOneObject(std::string_view text);

}  // namespace keelson::cni
