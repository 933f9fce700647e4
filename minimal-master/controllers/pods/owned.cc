// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/pods/owned.h"

#include "minimal-master/control/objects.h"
#include "minimal-master/storage/storage.h"

namespace keelson::pods {

Owned::Owned(const watch::Cache& cache, const schema::Resource& resource)
    : objects_(cache, storage::PrefixOf(resource, "")) {}

void Owned::ForEachGroupLocked(const watch::Object& object,
                               const std::function<void(std::map<std::string, Group, std::less<>>&,
                                                        const std::string&)>& each) {
  if (object.owner_uids().empty()) return each(free_, std::string(object.ns()));
  for (const std::string_view uid : object.owner_uids()) each(owned_, std::string(uid));
}

void Owned::CatchUpLocked() {
  objects_.CatchUp([&](const watch::ObjectPtr& before, const watch::ObjectPtr& after) {
    if (before) {
      ForEachGroupLocked(*before, [&](auto& groups, const std::string& name) {
        const auto group = groups.find(name);
        if (group == groups.end()) return;
        group->second.erase(std::string(before->key()));
        if (group->second.empty()) groups.erase(group);
      });
    }
    if (after) {
      ForEachGroupLocked(*after, [&](auto& groups, const std::string& name) {
        groups[name].insert_or_assign(std::string(after->key()), after);
      });
    }
  });
}

std::vector<watch::ObjectPtr> Owned::Listed(const std::map<std::string, Group, std::less<>>& in,
                                            std::string_view name) {
  std::vector<watch::ObjectPtr> out;
  const auto group = in.find(name);
  if (group == in.end()) return out;
  for (const auto& [key, object] : group->second) out.push_back(object);
  return out;
}

std::vector<watch::ObjectPtr> Owned::By(std::string_view owner_uid) {
  const std::lock_guard lock(mutex_);
  CatchUpLocked();
  return Listed(owned_, owner_uid);
}

std::vector<watch::ObjectPtr> Owned::ByNobody(std::string_view ns) {
  const std::lock_guard lock(mutex_);
  CatchUpLocked();
  return Listed(free_, ns);
}

Selecting::Selecting(const watch::Cache& cache, const schema::Resource& resource, Read read)
    : read_(std::move(read)), objects_(cache, storage::PrefixOf(resource, "")) {}

std::vector<std::string> Selecting::Of(const watch::Object& object) {
  const std::lock_guard lock(mutex_);
  objects_.CatchUp([&](const watch::ObjectPtr& before, const watch::ObjectPtr& after) {
    const watch::Object& either = after ? *after : *before;
    Selectors& of_namespace = selectors_[std::string(either.ns())];
    std::optional<watch::selectors::LabelSelector> selector;
    if (after) selector = read_(control::Parse(*after));
    if (selector)
      of_namespace.insert_or_assign(control::KeyOf(either), *std::move(selector));
    else
      of_namespace.erase(control::KeyOf(either));
  });
  std::vector<std::string> out;
  const auto in_namespace = selectors_.find(object.ns());
  if (in_namespace == selectors_.end()) return out;
  for (const auto& [key, selector] : in_namespace->second) {
    if (selector.Matches(object)) out.push_back(key);
  }
  return out;
}

}  // namespace keelson::pods
