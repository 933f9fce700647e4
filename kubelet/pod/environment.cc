// SPDX-License-Identifier: Apache-2.0
#include "kubelet/pod/environment.h"

#include <algorithm>

namespace keelson::pod {
namespace {

void SetVariable(Environment& environment, const std::string& name, std::string value) {
  const auto found = std::find_if(environment.begin(), environment.end(),
                                  [&](const auto& v) { return v.first == name; });
  if (found == environment.end()) {
    environment.emplace_back(name, std::move(value));
  } else {
    found->second = std::move(value);
  }
}

const char* KindName(bool secret) { return secret ? "secret" : "configmap"; }

base::Status AddAll(Environment& environment, const kube::EnvFrom& from,
                    const std::string& namespace_name, const volume::Objects& objects) {
  const std::optional<kube::ConfigObject> object =
      objects.Find(from.secret, namespace_name, from.name);
  if (!object) {
    if (from.optional) return {};
    return base::NotFound("{} \"{}\" not found", KindName(from.secret), from.name);
  }
  for (const auto& [key, value] : object->data) {
    // Keys may hold any printable character but '='.
    if (key.find('=') == std::string::npos) SetVariable(environment, from.prefix + key, value);
  }
  return {};
}

// Nothing: an optional one that is not there.
base::Result<std::optional<std::string>> FromKey(const kube::EnvVar& variable,
                                                 const std::string& namespace_name,
                                                 const volume::Objects& objects) {
  const bool secret = variable.from == kube::EnvVar::From::kSecret;
  const std::optional<kube::ConfigObject> object =
      objects.Find(secret, namespace_name, variable.key.name);
  if (!object) {
    if (variable.key.optional) return std::optional<std::string>();
    return base::NotFound("{} \"{}\" not found", KindName(secret), variable.key.name);
  }
  const auto found = object->data.find(variable.key.key);
  if (found != object->data.end()) return std::optional<std::string>(found->second);
  if (variable.key.optional) return std::optional<std::string>();
  return base::NotFound("couldn't find key {} in {} {}/{}", variable.key.key,
                        secret ? "Secret" : "ConfigMap", namespace_name, variable.key.name);
}

}  // namespace

std::string Expand(const std::string& text, const Environment& environment) {
  std::string out;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '$' || at + 1 == text.size()) {
      out += text[at];
      continue;
    }
    if (text[at + 1] == '$') {
      out += '$';
      ++at;
      continue;
    }
    const size_t end = text[at + 1] == '(' ? text.find(')', at + 2) : std::string::npos;
    if (end == std::string::npos) {
      out += text[at];
      continue;
    }
    const std::string name = text.substr(at + 2, end - at - 2);
    const auto found = std::find_if(environment.begin(), environment.end(),
                                    [&](const auto& v) { return v.first == name; });
    out += found == environment.end() ? text.substr(at, end - at + 1) : found->second;
    at = end;
  }
  return out;
}

base::Result<Environment> ContainerEnvironment(const kube::Pod& pod,
                                               const kube::Container& container,
                                               const volume::DownwardValues& values,
                                               const volume::Objects& objects) {
  Environment environment =
      objects.ServiceVariables(pod.metadata.namespace_name, pod.spec.enable_service_links);
  for (const kube::EnvFrom& from : container.env_from)
    RETURN_IF_ERROR(AddAll(environment, from, pod.metadata.namespace_name, objects));
  for (const kube::EnvVar& variable : container.env) {
    switch (variable.from) {
      case kube::EnvVar::From::kValue:
        SetVariable(environment, variable.name, Expand(variable.value, environment));
        break;
      case kube::EnvVar::From::kField: {
        const auto found = values.fields.find(variable.field_path);
        if (found == values.fields.end() && !variable.field_path.ends_with("']")) {
          return base::InvalidArgument("env {}: unsupported fieldPath: {}", variable.name,
                                       variable.field_path);
        }
        SetVariable(environment, variable.name, found == values.fields.end() ? "" : found->second);
        break;
      }
      case kube::EnvVar::From::kResource: {
        const auto found =
            values.resources.find(volume::ResourceKey(variable.resource, container.name));
        if (found == values.resources.end()) {
          return base::InvalidArgument("env {}: container {} or resource {} not found",
                                       variable.name, variable.resource.container_name,
                                       variable.resource.resource);
        }
        SetVariable(environment, variable.name, found->second);
        break;
      }
      case kube::EnvVar::From::kConfigMap:
      case kube::EnvVar::From::kSecret: {
        ASSIGN_OR_RETURN(const std::optional<std::string> value,
                         FromKey(variable, pod.metadata.namespace_name, objects));
        if (value) SetVariable(environment, variable.name, *value);
        break;
      }
    }
  }
  return environment;
}

}  // namespace keelson::pod
