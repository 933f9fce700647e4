// SPDX-License-Identifier: Apache-2.0
// Prometheus' text format. Pure. Source: prometheus.io/docs/instrumenting/exposition_formats.
#pragma once

#include <string>
#include <string_view>

namespace keelson::node_api {

// What stands between a label's quotes.
inline std::string EscapedLabel(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    out += c == '\n' ? std::string("\\n") : std::string(1, c);
  }
  return out;
}

}  // namespace keelson::node_api
