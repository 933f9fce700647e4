// SPDX-License-Identifier: Apache-2.0
// Pods: the cache's pods as facts, by owner, namespace and node. Every question first catches up
// with the cache, at the cost of what changed since the last one, so that whoever has written sees
// what was written. Thread-safe; `cache` outlives it.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "minimal-master/controllers/pods/facts.h"
#include "minimal-master/watch/follower.h"

namespace keelson::pods {

class Pods {
 public:
  explicit Pods(const watch::Cache& cache);
  Pods(const Pods&) = delete;

  // The facts of an object that came with an event.
  PodPtr Read(const watch::ObjectPtr& object);
  PodPtr Find(std::string_view ns, std::string_view name);  // null: there is none
  // In the order of names; those of one owner in any.
  std::vector<PodPtr> InNamespace(std::string_view ns);
  std::vector<PodPtr> ControlledBy(std::string_view owner_uid);
  std::vector<PodPtr> WithoutController(std::string_view ns);
  std::vector<PodPtr> OnNode(std::string_view node);
  std::vector<PodPtr> All();

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  using Group = std::unordered_map<const watch::Object*, PodPtr>;
  using Groups = std::unordered_map<std::string, Group, Hash, std::equal_to<>>;

  void CatchUpLocked();
  void AddLocked(const PodPtr& pod);
  void RemoveLocked(const PodPtr& pod);
  static std::vector<PodPtr> Listed(const Groups& groups, std::string_view name);

  std::mutex mutex_;
  watch::Follower objects_;                          // guarded by mutex_, as all below
  std::map<std::string, PodPtr, std::less<>> pods_;  // by key
  Groups by_owner_;
  Groups by_node_;
  Groups orphans_;  // by namespace
  PodPtr last_read_[2];
};

}  // namespace keelson::pods
