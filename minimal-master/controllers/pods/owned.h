// SPDX-License-Identifier: Apache-2.0
// Objects of one kind by who owns them, and who of one kind selects an object: found without
// looking at all of them. Every question first catches up with the cache, at the cost of what
// changed since the last one. Thread-safe; `cache` outlives them.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "lib/json/value.h"
#include "minimal-master/schema/resources.h"
#include "minimal-master/watch/follower.h"
#include "minimal-master/watch/selectors/label_selector.h"

namespace keelson::pods {

class Owned {
 public:
  Owned(const watch::Cache& cache, const schema::Resource& resource);
  // By name.
  std::vector<watch::ObjectPtr> By(std::string_view owner_uid);
  std::vector<watch::ObjectPtr> ByNobody(std::string_view ns);

 private:
  using Group = std::map<std::string, watch::ObjectPtr, std::less<>>;  // by key
  void CatchUpLocked();
  // Each group that the object is in.
  void ForEachGroupLocked(const watch::Object& object,
                          const std::function<void(std::map<std::string, Group, std::less<>>&,
                                                   const std::string&)>& each);
  static std::vector<watch::ObjectPtr> Listed(const std::map<std::string, Group, std::less<>>& in,
                                              std::string_view name);

  std::mutex mutex_;
  watch::Follower objects_;                          // guarded by mutex_, as all below
  std::map<std::string, Group, std::less<>> owned_;  // by the owner's uid
  std::map<std::string, Group, std::less<>> free_;   // by namespace
};

class Selecting {
 public:
  // Nothing: it selects nothing.
  using Read =
      std::function<std::optional<watch::selectors::LabelSelector>(const json::Value& object)>;
  Selecting(const watch::Cache& cache, const schema::Resource& resource, Read read);
  // "ns/name" of those in its namespace that select it.
  std::vector<std::string> Of(const watch::Object& object);

 private:
  const Read read_;
  std::mutex mutex_;
  watch::Follower objects_;  // guarded by mutex_, as all below
  using Selectors = std::map<std::string, watch::selectors::LabelSelector>;  // by "ns/name"
  std::map<std::string, Selectors, std::less<>> selectors_;                  // by namespace
};

}  // namespace keelson::pods
