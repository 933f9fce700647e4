// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/nodes/controller.h"

#include <fmt/format.h>

#include <utility>

namespace keelson::controllers::nodes {
namespace {

using json::Value;

constexpr char kAs[] = "node-controller";
constexpr char kLeases[] = "kube-node-lease";
// How often a node that does not report is looked at: zones change, evictions have their rate.
constexpr std::chrono::seconds kAgain{5};

std::string_view RenewTime(const watch::ObjectPtr& lease) {
  constexpr std::string_view kField = "\"renewTime\":\"";
  if (!lease) return {};
  const std::string_view text = lease->bytes().view();
  const size_t at = text.find(kField);
  if (at == std::string_view::npos) return {};
  const size_t from = at + kField.size();
  return text.substr(from, text.find('"', from) - from);
}

}  // namespace

Lifecycle::Lifecycle(const Context& context, const pods::Tools& tools)
    : context_(context), tools_(tools), zones_(context.settings.nodes.rates) {}

std::vector<const schema::Resource*> Lifecycle::Watches() const { return {&nodes_, &leases_}; }

void Lifecycle::HearLease(const control::Change& change) {
  if (change.kind == watch::Kind::kDeleted || change.object->ns() != kLeases) return;
  if (RenewTime(change.object) == RenewTime(change.old)) return;
  const std::lock_guard lock(mutex_);
  const auto there = heard_.find(change.object->name());
  if (there != heard_.end()) there->second.at = context_.clock.Steady();
}

void Lifecycle::Route(const control::Change& change, const Add& add) {
  if (&change.resource == &leases_) return HearLease(change);
  std::string name(change.object->name());
  if (change.kind == watch::Kind::kDeleted) {
    const std::lock_guard lock(mutex_);
    zones_.Remove(name);
    heard_.erase(name);
    Tell(control::Parse(*change.object), "RemovingNode",
         fmt::format("Node {} event: Removing Node {} from Controller", name, name));
    return;
  }
  add(std::move(name));
}

void Lifecycle::Tell(const Value& node, const std::string& reason, const std::string& message) {
  context_.recorder.Record(node, "Normal", reason, message, "node-controller");
}

base::SteadyTime Lifecycle::Deadline(const std::string& name, const Value& node) {
  const base::SteadyTime now = context_.clock.Steady();
  std::string heartbeat = HeartbeatOf(node);
  const std::lock_guard lock(mutex_);
  auto [there, is_new] = heard_.try_emplace(name);
  Heard& heard = there->second;
  if (is_new || heard.heartbeat != heartbeat) heard.at = now;
  heard.heartbeat = std::move(heartbeat);
  if (!std::exchange(heard.registered, true)) {
    Tell(node, "RegisteredNode",
         fmt::format("Node {} event: Registered Node {} in Controller", name, name));
  }
  const Graces& graces = context_.settings.nodes;
  return heard.at + (ReadyOf(node) == Ready::kNever ? graces.start : graces.silence);
}

Evict Lifecycle::MayEvict(const std::string& name, const Value& node) {
  const Ready ready = ReadyOf(node);
  const base::SteadyTime now = context_.clock.Steady();
  const std::string zone = ZoneOf(node);
  if (ready == Ready::kNever) return Evict::kNo;
  const std::lock_guard lock(mutex_);
  zones_.Put(name, zone, ready == Ready::kTrue);
  const bool all_down = zones_.AllDown();
  if (all_down_ && !all_down) {
    // We were cut off: everybody has their time again.
    for (auto& [other, heard] : heard_) heard.at = now;
  }
  all_down_ = all_down;
  const auto heard = heard_.find(name);
  if (heard == heard_.end()) return Evict::kKeep;
  bool& evict = heard->second.evict;
  if (ready == Ready::kTrue || all_down) {
    evict = false;
    return Evict::kNo;
  }
  if (!evict) evict = !LacksEviction(node) || zones_.Take(zone, now);
  return evict ? Evict::kYes : Evict::kKeep;
}

std::optional<std::string> Lifecycle::MarkPods(const std::string& name) {
  std::optional<std::string> failed;
  for (const pods::PodPtr& pod : tools_.pods.OnNode(name)) {
    const Value object = control::Parse(*pod->object);
    const auto write = PlanPodNotReady(object, context_.clock.WallNanos());
    if (!write) continue;
    const status::Or<Value> done = context_.client.Do(kAs, *write);
    if (!done.ok() && done.failure().code != 404) {
      failed = done.failure().message;
      continue;
    }
    context_.recorder.Record(object, "Warning", "NodeNotReady", "Node is not ready", kAs);
  }
  return failed;
}

control::Outcome Lifecycle::Sync(const std::string& key) {
  std::optional<Value> node = control::Get(context_.cache, nodes_, "", key);
  if (!node) {
    const std::lock_guard lock(mutex_);
    zones_.Remove(key);
    heard_.erase(key);
    return control::Outcome::Done();
  }
  const base::SteadyTime deadline = Deadline(key, *node);
  const bool overdue = context_.clock.Steady() > deadline;
  if (overdue) {
    if (const auto write = PlanSilence(*node, context_.clock.WallNanos())) {
      const bool was_ready = ReadyOf(*node) == Ready::kTrue;
      status::Or<Value> done = context_.client.Do(kAs, *write);
      if (!done.ok()) return control::Outcome::Failed(done.failure().message);
      if (was_ready) {
        Tell(*node, "NodeNotReady", fmt::format("Node {} status is now: NodeNotReady", key));
        const std::lock_guard lock(mutex_);
        if (const auto heard = heard_.find(key); heard != heard_.end())
          heard->second.pods_to_mark = true;
      }
      node = *std::move(done);
    }
  }
  const Evict evict = MayEvict(key, *node);
  if (const auto write = PlanNode(*node, evict, context_.clock.WallNanos())) {
    const status::Or<Value> done = context_.client.Do(kAs, *write);
    if (!done.ok()) return control::Outcome::Failed(done.failure().message);
  }
  bool mark = false;
  {
    const std::lock_guard lock(mutex_);
    const auto heard = heard_.find(key);
    mark = heard != heard_.end() && std::exchange(heard->second.pods_to_mark, false);
  }
  if (mark) {
    if (auto failed = MarkPods(key)) {
      const std::lock_guard lock(mutex_);
      if (const auto heard = heard_.find(key); heard != heard_.end())
        heard->second.pods_to_mark = true;
      return control::Outcome::Failed(*std::move(failed));
    }
  }
  if (ReadyOf(*node) != Ready::kTrue && (overdue || ReadyOf(*node) != Ready::kNever))
    return control::Outcome::After(kAgain);
  // A moment after its end.
  return control::Outcome::After(
      std::chrono::duration_cast<std::chrono::milliseconds>(deadline - context_.clock.Steady()) +
      std::chrono::milliseconds(2));
}

}  // namespace keelson::controllers::nodes
