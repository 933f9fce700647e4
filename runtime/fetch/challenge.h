// SPDX-License-Identifier: Apache-2.0
// WWW-Authenticate headers taken apart: `Bearer realm="…",service="…",scope="…"`, `Basic
// realm="…"`, several in one header too. Pure. Source: RFC 9110 section 11.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace keelson::fetch {

struct Challenge {
  std::string scheme;                             // lower case
  std::map<std::string, std::string> parameters;  // names in lower case
};
// What cannot be read ends the list; what came before it counts.
std::vector<Challenge> ParseChallenges(const std::vector<std::string>& headers);

}  // namespace keelson::fetch
