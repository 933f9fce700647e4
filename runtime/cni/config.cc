// SPDX-License-Identifier: Apache-2.0
#include "runtime/cni/config.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>

#include "lib/base/strings.h"
#include "lib/os/files.h"

namespace keelson::cni {

using base::Result;
using base::Status;
using json::Value;

namespace {

constexpr json::Limits kLimits{.bytes = 1 << 20, .depth = 64, .values = 50'000};
constexpr size_t kMostPlugins = 64;

std::optional<std::array<uint64_t, 3>> Numbers(std::string_view version) {
  std::array<uint64_t, 3> numbers{};
  const std::vector<std::string_view> parts = base::Split(version, '.');
  if (parts.size() != 3) return std::nullopt;
  for (size_t i = 0; i < 3; ++i) {
    const std::optional<uint64_t> number = base::ParseUint64(parts[i]);
    if (!number) return std::nullopt;
    numbers[i] = *number;
  }
  return numbers;
}

// A plugin's type is the name of a file: it may name no other place.
bool IsType(const std::string& type) {
  return !type.empty() && type.size() < 128 && type != "." && type != ".." &&
         type.find('/') == std::string::npos && !base::ContainsControlCharacter(type);
}

// Letters, digits, '_', '.', '-', a letter or digit first.
bool IsName(const std::string& name) {
  const auto plain = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  };
  return !name.empty() && name.size() < 256 && plain(name[0]) &&
         std::ranges::all_of(
             name, [&](char c) { return plain(c) || c == '_' || c == '.' || c == '-'; });
}

Result<PluginConfig> ParsePlugin(const Value& document) {
  PluginConfig plugin;
  if (!document.IsObject()) return base::InvalidArgument("a plugin is not an object");
  plugin.type = document.At({"type"}).AsString();
  if (!IsType(plugin.type))
    return base::InvalidArgument("line {}: type '{}' is not the name of a plugin", document.line(),
                                 plugin.type);
  for (const auto& [name, wanted] : document.At({"capabilities"}).members()) {
    if (wanted.AsBool()) plugin.capabilities.push_back(name);
  }
  plugin.document = document;
  return plugin;
}

std::vector<std::string> VersionsOf(const Value& document) {
  std::vector<std::string> versions;
  for (const Value& version : document.At({"cniVersions"}).items())
    versions.push_back(version.AsString());
  const std::string& one = document.At({"cniVersion"}).AsString();
  if (!one.empty()) versions.push_back(one);
  if (versions.empty()) versions.emplace_back("0.1.0");  // as the specification has it
  return versions;
}

}  // namespace

bool OlderVersion(std::string_view a, std::string_view b) { return Numbers(a) < Numbers(b); }

const std::vector<std::string>& SpokenVersions() {
  static const std::vector<std::string> kVersions = {"0.1.0", "0.2.0", "0.3.0", "0.3.1",
                                                     "0.4.0", "1.0.0", "1.1.0"};
  return kVersions;
}

std::string NewestCommon(const std::vector<std::string>& wanted,
                         const std::vector<std::vector<std::string>>& offered) {
  std::string newest;
  for (const std::string& version : wanted) {
    const auto has = [&](const std::vector<std::string>& list) {
      return std::ranges::find(list, version) != list.end();
    };
    if (!has(SpokenVersions()) || !std::ranges::all_of(offered, has)) continue;
    if (newest.empty() || OlderVersion(newest, version)) newest = version;
  }
  return newest;
}

Result<NetworkConfig> ParseNetwork(std::string_view text) {
  ASSIGN_OR_RETURN(const Value document, json::ParseJson(text, kLimits));
  if (!document.IsObject()) return base::InvalidArgument("not an object");
  NetworkConfig network;
  network.name = document.At({"name"}).AsString();
  if (!IsName(network.name))
    return base::InvalidArgument("name '{}' is not the name of a network", network.name);
  network.versions = VersionsOf(document);
  // Some write booleans in quotes, and the specification's own library takes them.
  const auto flag = [&](const char* key) {
    const Value& value = document.At({key});
    return value.AsBool() || base::ToLower(value.AsString()) == "true";
  };
  network.disable_check = flag("disableCheck");
  network.disable_gc = flag("disableGC");
  network.only_inlined = flag("loadOnlyInlinedPlugins");
  network.text = std::string(text);
  const Value* plugins = document.Find("plugins");
  if (plugins == nullptr) {
    network.only_inlined = true;  // one plugin alone
    ASSIGN_OR_RETURN(PluginConfig plugin, ParsePlugin(document));
    network.plugins.push_back(std::move(plugin));
    return network;
  }
  if (!plugins->IsArray() || plugins->items().size() > kMostPlugins)
    return base::InvalidArgument("plugins: expected a list of at most {}", kMostPlugins);
  for (const Value& item : plugins->items()) {
    ASSIGN_OR_RETURN(PluginConfig plugin, ParsePlugin(item));
    network.plugins.push_back(std::move(plugin));
  }
  return network;
}

namespace {

// Adds the plugins in <directory>/<name>/*.conf, unless the list says that it is whole.
Status AddFiles(const std::string& directory, NetworkConfig& network) {
  if (network.only_inlined) return base::Ok();
  const std::string folder = directory + "/" + network.name;
  const Result<std::vector<os::DirEntry>> entries = os::ListDir(folder);
  if (!entries.ok()) return base::Ok();
  bool added = false;
  for (const os::DirEntry& entry : *entries) {
    if (!entry.name.ends_with(".conf")) continue;
    ASSIGN_OR_RETURN(const std::string text,
                     os::ReadFile(folder + "/" + entry.name, kLimits.bytes));
    Result<Value> document = json::ParseJson(text, kLimits);
    if (!document.ok()) return document.error().WithContext(folder + "/" + entry.name);
    Result<PluginConfig> plugin = ParsePlugin(*document);
    if (!plugin.ok()) return plugin.error().WithContext(folder + "/" + entry.name);
    network.plugins.push_back(std::move(plugin).value());
    if (network.plugins.size() > kMostPlugins)
      return base::InvalidArgument("more than {} plugins", kMostPlugins);
    added = true;
  }
  if (!added) return base::Ok();
  ASSIGN_OR_RETURN(Value whole, json::ParseJson(network.text, kLimits));
  Value plugins = Value::Array();
  for (const PluginConfig& plugin : network.plugins) plugins.Append(plugin.document);
  whole.Set("plugins", std::move(plugins));
  network.text = json::WriteJson(whole);
  return base::Ok();
}

Result<NetworkConfig> LoadFile(const std::string& directory, const std::string& name) {
  const std::string file = directory + "/" + name;
  ASSIGN_OR_RETURN(const std::string text, os::ReadFile(file, kLimits.bytes));
  ASSIGN_OR_RETURN(NetworkConfig network, ParseNetwork(text));
  RETURN_IF_ERROR(AddFiles(directory, network));
  if (network.plugins.empty()) return base::InvalidArgument("the list has no plugins");
  network.file = file;
  return network;
}

}  // namespace

Result<Loaded> LoadFirst(const std::string& directory) {
  const Result<std::vector<os::DirEntry>> entries = os::ListDir(directory);
  if (!entries.ok() && entries.error().os_errno() != ENOENT) return entries.error();
  Loaded loaded;
  if (entries.ok()) {
    for (const os::DirEntry& entry : *entries) {
      const std::string& name = entry.name;
      if (!name.ends_with(".conflist") && !name.ends_with(".conf") && !name.ends_with(".json"))
        continue;
      Result<NetworkConfig> network = LoadFile(directory, name);
      if (network.ok()) {
        loaded.network = std::move(network).value();
        return loaded;
      }
      loaded.refused.push_back(directory + "/" + name + ": " + network.error().message());
    }
  }
  if (!loaded.refused.empty())
    return base::FailedPrecondition("no usable CNI configuration: {}",
                                    base::Join(loaded.refused, "; "));
  return base::NotFound("no CNI configuration: there is no *.conflist or *.conf in {}", directory);
}

}  // namespace keelson::cni
