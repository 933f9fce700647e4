// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/podgc/controller.h"

#include <algorithm>
#include <iterator>

namespace keelson::controllers::podgc {
namespace {

using json::Value;

constexpr char kAs[] = "pod-garbage-collector";
constexpr std::string_view kNode = "node/";
constexpr std::string_view kPod = "pod/";
constexpr std::string_view kEnded = "ended";
// For so long a node may be missed before its pods are given up.
constexpr std::chrono::seconds kQuarantine{40};

bool MayBeOutOfService(const watch::Object& node) {
  return node.bytes().view().find("\"node.kubernetes.io/out-of-service\"") !=
         std::string_view::npos;
}

}  // namespace

void Collector::Route(const control::Change& change, const Add& add) {
  if (&change.resource == &pods_) return RoutePod(change, add);
  if (change.kind == watch::Kind::kDeleted || MayBeOutOfService(*change.object))
    add(std::string(kNode) + std::string(change.object->name()));
}

void Collector::RoutePod(const control::Change& change, const Add& add) {
  const std::string key(control::KeyOf(*change.object));
  if (change.kind == watch::Kind::kDeleted) {
    const std::lock_guard lock(mutex_);
    ended_.erase(key);
    return;
  }
  const pods::PodPtr pod = tools_.pods.Read(change.object);
  if (pod->ended()) {
    const std::lock_guard lock(mutex_);
    ended_.insert(key);
    if (context_.settings.most_ended_pods > 0 && ended_.size() > context_.settings.most_ended_pods)
      add(std::string(kEnded));
  }
  if (pod->node.empty()) {
    if (pod->being_deleted()) add(std::string(kPod) + key);
    return;
  }
  const watch::ObjectPtr node = control::Find(context_.cache, nodes_, "", pod->node);
  if (!node || (pod->being_deleted() && MayBeOutOfService(*node)))
    add(std::string(kNode) + pod->node);
}

control::Outcome Collector::Remove(const std::vector<pods::PodPtr>& pods, Reason reason) {
  control::Outcome outcome;
  for (const pods::PodPtr& pod : pods) {
    const std::optional<Value> now = control::Get(context_.cache, pods_, pod->ns(), pod->name());
    if (!now || now->At({"metadata", "uid"}).AsString() != pod->uid()) continue;
    const control::Outcome one =
        Apply(context_.client, kAs,
              {PlanRemoval(*now, reason, context_.clock.WallNanos()), std::nullopt});
    if (one.failed) outcome = one;
  }
  return outcome;
}

control::Outcome Collector::SyncNode(const std::string& name) {
  const std::optional<Value> node = control::Get(context_.cache, nodes_, "", name);
  std::vector<pods::PodPtr> pods = tools_.pods.OnNode(name);
  {
    const std::lock_guard lock(mutex_);
    if (node || pods.empty()) {
      missing_.erase(name);
    } else {
      const base::SteadyTime now = context_.clock.Steady();
      const base::SteadyTime since = missing_.try_emplace(name, now).first->second;
      if (now < since + kQuarantine)
        return control::Outcome::After(
            std::chrono::duration_cast<std::chrono::milliseconds>(since + kQuarantine - now) +
            std::chrono::milliseconds(1));
    }
  }
  if (!node) return Remove(pods, Reason::kOrphaned);
  if (!IsOutOfService(*node)) return control::Outcome::Done();
  std::erase_if(pods, [](const pods::PodPtr& pod) { return !pod->being_deleted(); });
  return Remove(pods, Reason::kOutOfService);
}

control::Outcome Collector::SyncEnded() {
  std::vector<pods::PodPtr> ended = tools_.pods.All();
  std::erase_if(ended, [](const pods::PodPtr& pod) { return !pod->ended(); });
  return Remove(PlanExcess(std::move(ended), context_.settings.most_ended_pods), Reason::kEnded);
}

control::Outcome Collector::Sync(const std::string& key) {
  if (key == kEnded) return SyncEnded();
  if (key.starts_with(kNode)) return SyncNode(key.substr(kNode.size()));
  const auto [ns, name] = control::SplitKey(std::string_view(key).substr(kPod.size()));
  const pods::PodPtr pod = tools_.pods.Find(ns, name);
  if (!pod || !pod->being_deleted() || !pod->node.empty()) return control::Outcome::Done();
  return Remove({pod}, Reason::kUnscheduled);
}

}  // namespace keelson::controllers::podgc
