// SPDX-License-Identifier: Apache-2.0
// Absolute http and https URLs, taken apart and resolved. Pure.
#pragma once

#include <string>
#include <string_view>

#include "lib/base/result.h"

namespace keelson::http {

struct Url {
  std::string scheme;  // "http" or "https"
  std::string host;
  std::string port;  // filled in: "80", "443"
  std::string path;  // with the query, begins with '/'
  std::string Origin() const { return scheme + "://" + host + ":" + port; }
};
// Names with a user or another scheme are refused.
base::Result<Url> ParseUrl(std::string_view text);
// `location` as a redirect of `from` means it: absolute, or relative to it.
base::Result<std::string> ResolveUrl(const std::string& from, const std::string& location);

}  // namespace keelson::http
