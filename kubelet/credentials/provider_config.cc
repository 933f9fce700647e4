// SPDX-License-Identifier: Apache-2.0
#include "kubelet/credentials/provider_config.h"

#include <dirent.h>

#include <algorithm>
#include <set>

#include "kubelet/config/duration.h"
#include "lib/json/value.h"
#include "lib/os/files.h"

namespace keelson::credentials {
namespace {

using base::Result;
using base::Status;
using json::Value;

const std::set<std::string> kProtocols = {"credentialprovider.kubelet.k8s.io/v1",
                                          "credentialprovider.kubelet.k8s.io/v1beta1",
                                          "credentialprovider.kubelet.k8s.io/v1alpha1"};
const std::set<std::string> kVersions = {
    "kubelet.config.k8s.io/v1", "kubelet.config.k8s.io/v1beta1", "kubelet.config.k8s.io/v1alpha1"};

base::Error Wrong(const Value& at, const std::string& what) {
  return base::InvalidArgument("line {}: {}", at.line(), what);
}

Result<std::vector<std::string>> Texts(const std::string& name, const Value& value) {
  std::vector<std::string> out;
  if (!value.IsArray()) return Wrong(value, name + ": expected a list");
  for (const Value& item : value.items()) {
    if (!item.IsString()) return Wrong(item, name + ": expected strings");
    out.push_back(item.AsString());
  }
  return out;
}

Status ReadEnvironment(const Value& list, Provider& provider) {
  if (!list.IsArray()) return Wrong(list, "env: expected a list");
  for (const Value& item : list.items()) {
    for (const auto& [field, value] : item.members()) {
      if ((field != "name" && field != "value") || !value.IsString())
        return Wrong(value, "env: a name and a value, both strings, are all there is");
    }
    const std::string& name = item.At({"name"}).AsString();
    if (name.empty() || name.find('=') != std::string::npos)
      return Wrong(item, "env: '" + name + "' is no name of a variable");
    provider.environment.emplace_back(name, item.At({"value"}).AsString());
  }
  return {};
}

Result<Provider> ReadProvider(const Value& item) {
  if (!item.IsObject()) return Wrong(item, "providers: expected objects");
  Provider provider;
  bool has_duration = false;
  for (const auto& [field, value] : item.members()) {
    if (field == "name" && value.IsString()) {
      provider.name = value.AsString();
    } else if (field == "apiVersion" && value.IsString()) {
      provider.api_version = value.AsString();
    } else if (field == "matchImages") {
      ASSIGN_OR_RETURN(provider.match_images, Texts(field, value));
    } else if (field == "args") {
      ASSIGN_OR_RETURN(provider.arguments, Texts(field, value));
    } else if (field == "env") {
      RETURN_IF_ERROR(ReadEnvironment(value, provider));
    } else if (field == "defaultCacheDuration" && value.IsString()) {
      const auto duration = config::ParseExactDuration(value.AsString());
      if (!duration.ok()) return Wrong(value, field + ": " + duration.error().message());
      if (duration->count() < 0) return Wrong(value, field + ": must not be negative");
      provider.default_cache_duration = *duration;
      has_duration = true;
    } else if (field == "tokenAttributes") {
      return Wrong(value,
                   "tokenAttributes: tokens of service accounts are not given to plugins here");
    } else {
      return Wrong(value, "unknown field, or of the wrong type: \"" + field + "\"");
    }
  }
  const std::string& name = provider.name;
  if (name.empty() || name == "." || name == ".." ||
      name.find_first_of(" /\0") != std::string::npos)
    return Wrong(item, "name: '" + name + "' is not the name of a program");
  if (!kProtocols.contains(provider.api_version)) {
    return Wrong(item, "apiVersion: '" + provider.api_version +
                           "' is not credentialprovider.kubelet.k8s.io/v1, v1beta1 or v1alpha1");
  }
  if (provider.match_images.empty()) return Wrong(item, "matchImages: at least one is required");
  for (const std::string& place : provider.match_images) {
    if (place.empty() || place.front() == '/' || place.find("://") != std::string::npos)
      return Wrong(item,
                   "matchImages: '" + place + "' is no registry's name with or without a path");
  }
  if (!has_duration) return Wrong(item, "defaultCacheDuration: required");
  return provider;
}

Status CheckNames(const std::vector<Provider>& providers) {
  std::set<std::string> names;
  for (const Provider& provider : providers) {
    if (!names.insert(provider.name).second)
      return base::InvalidArgument("two providers have the name '{}'", provider.name);
  }
  return {};
}

}  // namespace

Result<std::vector<Provider>> ParseProviders(const std::string& text) {
  ASSIGN_OR_RETURN(const Value document, json::ParseYaml(text));
  if (document.At({"kind"}).AsString() != "CredentialProviderConfig" ||
      !kVersions.contains(document.At({"apiVersion"}).AsString()))
    return base::InvalidArgument("it is no CredentialProviderConfig of kubelet.config.k8s.io/v1");
  std::vector<Provider> providers;
  for (const auto& [field, value] : document.members()) {
    if (field == "kind" || field == "apiVersion") continue;
    if (field != "providers" || !value.IsArray())
      return Wrong(value, "unknown field, or of the wrong type: \"" + field + "\"");
    for (const Value& item : value.items()) {
      ASSIGN_OR_RETURN(Provider provider, ReadProvider(item));
      providers.push_back(std::move(provider));
    }
  }
  if (providers.empty()) return base::InvalidArgument("providers: at least one is required");
  RETURN_IF_ERROR(CheckNames(providers));
  return providers;
}

Result<std::vector<Provider>> ReadProviders(const std::string& path) {
  std::vector<std::string> files;
  const Result<std::vector<os::DirEntry>> entries = os::ListDir(path);
  if (entries.ok()) {
    for (const os::DirEntry& entry : *entries) {
      const std::string& name = entry.name;
      if (entry.type != DT_DIR &&
          (name.ends_with(".json") || name.ends_with(".yaml") || name.ends_with(".yml")))
        files.push_back(path + "/" + name);
    }
    if (files.empty()) return base::NotFound("'{}' has no *.json, *.yaml or *.yml", path);
  } else {
    files.push_back(path);
  }
  std::vector<Provider> all;
  for (const std::string& file : files) {
    ASSIGN_OR_RETURN(const std::string text, os::ReadFile(file));
    Result<std::vector<Provider>> some = ParseProviders(text);
    if (!some.ok()) return some.error().WithContext(file);
    std::move(some->begin(), some->end(), std::back_inserter(all));
  }
  RETURN_IF_ERROR(CheckNames(all).WithContext(path));
  return all;
}

}  // namespace keelson::credentials
