// SPDX-License-Identifier: Apache-2.0
#include "kubelet/volume/objects.h"

#include <atomic>
#include <map>
#include <tuple>

#include "lib/json/value.h"
#include "lib/kube/decode.h"
#include "lib/os/files.h"

namespace keelson::volume {

struct LocalObjects::State {
  struct Entry {
    kube::ConfigObject object;
    std::string file;
  };
  std::map<std::tuple<bool, std::string, std::string>, Entry> objects;  // secret, namespace, name
};

namespace {

bool IsManifest(const std::string& name) {
  return !name.starts_with(".") &&
         (name.ends_with(".yaml") || name.ends_with(".yml") || name.ends_with(".json"));
}

base::Result<std::vector<json::Value>> Documents(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, os::ReadFile(path));
  if (!path.ends_with(".json")) return json::ParseYamlStream(text);
  ASSIGN_OR_RETURN(json::Value document, json::ParseJson(text));
  return std::vector<json::Value>{std::move(document)};
}

}  // namespace

std::optional<kube::ConfigObject> LocalObjects::Find(bool secret, const std::string& namespace_name,
                                                     const std::string& name) const {
  const std::shared_ptr<const State> state = std::atomic_load(&state_);
  if (!state) return std::nullopt;
  const auto found = state->objects.find({secret, namespace_name, name});
  return found == state->objects.end() ? std::nullopt : std::optional(found->second.object);
}

std::vector<base::Error> LocalObjects::Reload() {
  auto next = std::make_shared<State>();
  std::vector<base::Error> problems;
  const base::Result<std::vector<os::DirEntry>> entries = os::ListDir(directory_);
  if (!entries.ok() && entries.error().code() != base::Code::kNotFound)
    problems.push_back(entries.error());
  for (const os::DirEntry& entry : entries.ok() ? *entries : std::vector<os::DirEntry>()) {
    if (!IsManifest(entry.name)) continue;
    const std::string path = directory_ + "/" + entry.name;
    const base::Result<std::vector<json::Value>> documents = Documents(path);
    if (!documents.ok()) {
      problems.push_back(documents.error().WithContext(path));
      continue;
    }
    for (const json::Value& document : *documents) {
      base::Result<kube::ConfigObject> object = kube::DecodeConfigObject(document);
      if (!object.ok()) {
        problems.push_back(object.error().WithContext(path));
        continue;
      }
      const kube::ObjectMeta& metadata = object->metadata;
      const auto key = std::make_tuple(object->secret, metadata.namespace_name, metadata.name);
      // As an API server would: what it was stays, until the object is taken away.
      const std::optional<kube::ConfigObject> before =
          Find(object->secret, metadata.namespace_name, metadata.name);
      if (before && before->immutable && (before->data != object->data || !object->immutable)) {
        problems.push_back(base::FailedPrecondition(
            "{}: line {}: {} {}/{} is immutable: its data cannot change", path, document.line(),
            object->secret ? "secret" : "configmap", metadata.namespace_name, metadata.name));
        *object = *before;
      }
      const auto [at, is_new] = next->objects.try_emplace(key, State::Entry{*object, path});
      if (!is_new) {
        problems.push_back(
            base::AlreadyExists("{}: line {}: {} {}/{} is already given by {}", path,
                                document.line(), object->secret ? "secret" : "configmap",
                                metadata.namespace_name, metadata.name, at->second.file));
      }
    }
  }
  std::atomic_store(&state_, std::shared_ptr<const State>(std::move(next)));
  return problems;
}

}  // namespace keelson::volume
