// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/eviction/controller.h"

#include <fmt/format.h>

namespace keelson::controllers::eviction {
namespace {

using json::Value;

constexpr char kAs[] = "taint-eviction-controller";

bool MayEvict(const watch::ObjectPtr& node) {
  return node && node->bytes().view().find("\"NoExecute\"") != std::string_view::npos;
}

}  // namespace

void Evictor::Route(const control::Change& change, const Add& add) {
  const watch::Object& object = *change.object;
  if (&change.resource == &nodes_) {
    const bool gone = change.kind == watch::Kind::kDeleted;
    const bool taints = !gone && MayEvict(change.object);
    {
      const std::lock_guard lock(mutex_);
      if (taints) {
        tainted_.emplace(object.name());
      } else {
        tainted_.erase(std::string(object.name()));
      }
    }
    // What waited must hear, too, that it may stay.
    if (!taints && !MayEvict(change.old)) return;
    for (const pods::PodPtr& pod : tools_.pods.OnNode(object.name()))
      add(control::KeyOf(*pod->object));
    return;
  }
  const std::lock_guard lock(mutex_);
  if (change.kind == watch::Kind::kDeleted) {
    waiting_.erase(control::KeyOf(object));
    return;
  }
  if (tainted_.empty()) return;
  if (tainted_.contains(tools_.pods.Read(change.object)->node)) add(control::KeyOf(object));
}

void Evictor::Forget(const std::string& key, const Value& pod) {
  const std::lock_guard lock(mutex_);
  if (waiting_.erase(key) == 0 || control::IsBeingDeleted(pod)) return;
  context_.recorder.Record(pod, "Normal", "TaintManagerEviction",
                           fmt::format("Cancelling deletion of Pod {}", key), kAs);
}

control::Outcome Evictor::Sync(const std::string& key) {
  const auto [ns, name] = control::SplitKey(key);
  const std::optional<Value> pod = control::Get(context_.cache, pods_, ns, name);
  if (!pod) return control::Outcome::Done();
  const std::optional<Value> node =
      control::Get(context_.cache, nodes_, "", pod->At({"spec", "nodeName"}).AsString());
  Facts facts;
  facts.pod = *pod;
  if (node) facts.taints = EvictingTaints(*node);
  if (facts.taints.empty() || control::IsBeingDeleted(*pod)) {
    Forget(key, *pod);
    return control::Outcome::Done();
  }
  const int64_t now = context_.clock.WallNanos();
  const std::string& uid = pod->At({"metadata", "uid"}).AsString();
  {
    const std::lock_guard lock(mutex_);
    const auto there = waiting_.find(key);
    facts.seen = there != waiting_.end() && there->second.uid == uid ? there->second.seen : now;
  }
  const std::optional<int64_t> time = EvictionTime(facts);
  if (!time) {
    Forget(key, *pod);
    return control::Outcome::Done();
  }
  if (*time > now) {
    const std::lock_guard lock(mutex_);
    waiting_[key] = {uid, facts.seen};
    return control::Outcome::After(std::chrono::milliseconds((*time - now) / 1'000'000 + 1));
  }
  context_.recorder.Record(*pod, "Normal", "TaintManagerEviction",
                           fmt::format("Marking for deletion Pod {}", key), kAs);
  return Apply(context_.client, kAs, {PlanEviction(*pod, now), std::nullopt});
}

}  // namespace keelson::controllers::eviction
