// SPDX-License-Identifier: Apache-2.0
// Which objects a node has to do with: the secrets, config maps, claims and accounts of the pods
// that run there, and what those lead to. Fed with pods, volumes and attachments as they change.
// Thread-safe; one writer, many readers. Source: k8s.io/kubernetes,
// plugin/pkg/auth/authorizer/node (1.35).
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "lib/json/value.h"

namespace keelson::auth {

class NodeGraph {
 public:
  void SetPod(const json::Value& pod);
  void RemovePod(std::string_view ns, std::string_view name);
  void SetVolume(const json::Value& volume);  // PersistentVolume: its claim and its secrets
  void RemoveVolume(std::string_view name);
  void SetAttachment(const json::Value& attachment);  // VolumeAttachment
  void RemoveAttachment(std::string_view name);

  void Clear();

  // `resource`: "pods", "secrets", "configmaps", "persistentvolumeclaims", "persistentvolumes",
  // "serviceaccounts", "volumeattachments", "resourceclaims".
  bool Reaches(std::string_view node, std::string_view resource, std::string_view ns,
               std::string_view name) const;

 private:
  using Keys = std::vector<std::string>;
  static std::string Key(std::string_view resource, std::string_view ns, std::string_view name);
  void Set(const std::string& what, const std::string& from, Keys keys);
  void Remove(const std::string& what);

  mutable std::shared_mutex mutex_;
  struct Entry {
    std::string from;  // "node/n1", or the key of a claim that leads to these
    Keys keys;
  };
  std::unordered_map<std::string, Entry> entries_;  // by the object that was set; guarded by mutex_
  // Who leads to a key, and how many entries say so; guarded by mutex_.
  std::unordered_map<std::string, std::map<std::string, int>> from_;
};

}  // namespace keelson::auth
