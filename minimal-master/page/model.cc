// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/page/model.h"

#include <algorithm>
#include <string>

#include "minimal-master/control/objects.h"
#include "minimal-master/storage/storage.h"

namespace keelson::page {
namespace {

constexpr std::chrono::seconds kLasts{1};

// `known` becomes what is below `prefix`; both are in the order of their keys.
template <typename Fact, typename Read>
void Follow(const watch::Snapshot& snapshot, const std::string& prefix,
            std::map<std::string, Fact>& known, const Read& read) {
  auto next = known.lower_bound(prefix);
  snapshot.ForEach(prefix, {}, [&](const watch::ObjectPtr& object) {
    while (next != known.end() && next->first < object->key()) next = known.erase(next);
    if (next != known.end() && next->first == object->key()) {
      if (next->second.revision != object->revision()) {
        next->second = read(control::ParseFacts(*object));
        next->second.revision = object->revision();
      }
      ++next;
      return true;
    }
    Fact fact = read(control::ParseFacts(*object));
    fact.revision = object->revision();
    next = std::next(known.emplace_hint(next, std::string(object->key()), std::move(fact)));
    return true;
  });
  while (next != known.end() && next->first.starts_with(prefix)) next = known.erase(next);
}

// The newest ones alone are read: there may be very many.
void FollowEvents(const watch::Snapshot& snapshot, std::map<std::string, Event>& known) {
  std::vector<std::pair<watch::Revision, watch::ObjectPtr>> all;
  snapshot.ForEach(storage::KeyPrefix("", "events"), {}, [&](const watch::ObjectPtr& object) {
    all.emplace_back(object->revision(), object);
    return true;
  });
  if (all.size() > Model::kEvents) {
    const auto end = all.begin() + static_cast<std::ptrdiff_t>(Model::kEvents);
    std::nth_element(all.begin(), end, all.end(),
                     [](const auto& a, const auto& b) { return a.first > b.first; });
    all.erase(end, all.end());
  }
  std::map<std::string, Event> now;
  for (const auto& [revision, object] : all) {
    const std::string key(object->key());
    const auto old = known.find(key);
    if (old != known.end() && old->second.revision == revision) {
      now.insert(known.extract(old));
      continue;
    }
    Event event = EventOf(control::ParseFacts(*object));
    event.revision = revision;
    now.emplace(key, std::move(event));
  }
  known = std::move(now);
}

}  // namespace

void Model::Refresh(const watch::Snapshot& snapshot) {
  const auto at = [](std::string_view group, std::string_view resource) {
    return storage::KeyPrefix(group, resource);
  };
  Follow(snapshot, at("", "nodes"), world_.nodes, NodeOf);
  Follow(snapshot, at("", "pods"), world_.pods, PodOf);
  Follow(snapshot, at("", "services"), world_.services, ServiceOf);
  Follow(snapshot, at("discovery.k8s.io", "endpointslices"), world_.slices, SliceOf);
  Follow(snapshot, at("", "persistentvolumeclaims"), world_.claims, ClaimOf);
  Follow(snapshot, at("", "namespaces"), world_.namespaces, NamespaceOf);
  struct Kind {
    std::string_view group, resource, kind;
  };
  for (const Kind& one :
       {Kind{"apps", "deployments", "Deployment"}, Kind{"apps", "daemonsets", "DaemonSet"},
        Kind{"apps", "statefulsets", "StatefulSet"}, Kind{"apps", "replicasets", "ReplicaSet"},
        Kind{"", "replicationcontrollers", "ReplicationController"}, Kind{"batch", "jobs", "Job"}})
    Follow(snapshot, at(one.group, one.resource), world_.workloads,
           [&](const json::Value& object) { return WorkloadOf(object, one.kind); });
  FollowEvents(snapshot, world_.events);
}

void Model::Look(const std::function<void(const World&, watch::Revision)>& use) {
  const std::lock_guard lock(mutex_);
  const base::SteadyTime now = clock_.Steady();
  if (revision_ < 0 || now - read_at_ >= kLasts) {
    const watch::Snapshot snapshot = cache_.Current();
    if (snapshot.revision() != revision_) Refresh(snapshot);
    revision_ = snapshot.revision();
    read_at_ = now;
  }
  use(world_, revision_);
}

}  // namespace keelson::page
