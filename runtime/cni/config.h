// SPDX-License-Identifier: Apache-2.0
// Network configurations as CNI's administrators write them: lists of plugins, or one plugin alone.
// Parsing is pure; LoadFirst() reads the directory. Source: CNI specification 1.1, section 1.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"
#include "lib/json/value.h"

namespace keelson::cni {

struct PluginConfig {
  std::string type;
  std::vector<std::string> capabilities;  // those that are true
  json::Value document;                   // as it was written
};

struct NetworkConfig {
  std::string name;
  std::vector<std::string> versions;  // that the configuration was written for
  bool disable_check = false;
  bool disable_gc = false;
  bool only_inlined = false;  // plugins in <directory>/<name>/*.conf are not added
  std::vector<PluginConfig> plugins;
  std::string text;  // the whole, plugins of files included: what a record keeps
  std::string file;
};

// Numbers are compared as numbers; what is no version comes first.
bool OlderVersion(std::string_view a, std::string_view b);
// The specification's versions that are spoken here, oldest first.
const std::vector<std::string>& SpokenVersions();
// The newest of `wanted` that is spoken here and in every list of `offered`; "" when there is none.
std::string NewestCommon(const std::vector<std::string>& wanted,
                         const std::vector<std::vector<std::string>>& offered);

base::Result<NetworkConfig> ParseNetwork(std::string_view text);

struct Loaded {
  NetworkConfig network;
  std::vector<std::string> refused;  // files before it that are unusable, with the reason
};
// The first usable one of *.conflist, *.conf and *.json by name. NotFound says what was looked for.
base::Result<Loaded> LoadFirst(const std::string& directory);

}  // namespace keelson::cni
