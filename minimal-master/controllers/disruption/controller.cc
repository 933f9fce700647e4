// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/disruption/controller.h"

#include <fmt/format.h>

#include "minimal-master/controllers/disruption/scale.h"

namespace keelson::controllers::disruption {
namespace {

using json::Value;
using pods::PodPtr;

constexpr char kAs[] = "disruption-controller";
constexpr std::string_view kBudget = "budget/";
constexpr std::string_view kPod = "pod/";

bool MayBeATarget(const watch::Object& pod) {
  return pod.bytes().view().find("\"DisruptionTarget\"") != std::string_view::npos;
}

control::Outcome Written(const status::Or<Value>& done) {
  if (done.ok() || done.failure().code == 404) return control::Outcome::Done();
  return control::Outcome::Failed(done.failure().message);
}

}  // namespace

void Counter::Route(const control::Change& change, const Add& add) {
  if (&change.resource == &budgets_)
    return add(std::string(kBudget) + control::KeyOf(*change.object));
  const auto add_budgets = [&](const watch::ObjectPtr& pod) {
    if (!pod) return;
    for (const std::string& key : selecting_.Of(*pod)) add(std::string(kBudget) + key);
  };
  // Whose labels changed is missed by those that no longer select it.
  add_budgets(change.old);
  add_budgets(change.object);
  if (change.kind != watch::Kind::kDeleted && MayBeATarget(*change.object))
    add(std::string(kPod) + control::KeyOf(*change.object));
}

control::Outcome Counter::Sync(const std::string& key) {
  const bool budget = key.starts_with(kBudget);
  const auto [ns, name] =
      control::SplitKey(std::string_view(key).substr(budget ? kBudget.size() : kPod.size()));
  return budget ? SyncBudget(ns, name) : SyncPod(ns, name);
}

void Counter::AskScales(Facts& facts, std::string_view ns) const {
  std::map<std::string, bool> asked;  // owners, by uid
  for (const PodPtr& pod : facts.pods) {
    if (pod->owner_uid.empty() || !asked.try_emplace(pod->owner_uid, true).second) continue;
    const Value object = control::ParseFacts(*pod->object);
    const Value* owner = control::ControllerOf(object);
    std::optional<Scale> scale;
    if (owner != nullptr) scale = ScaleOf(context_.cache, ns, *owner, facts.unknown);
    if (scale) {
      facts.scales[scale->uid] = scale->replicas;
      continue;
    }
    if (facts.unknown.empty())
      facts.unknown = fmt::format("found no controllers for pod \"{}\"", pod->name());
    return;
  }
}

control::Outcome Counter::SyncBudget(std::string_view ns, std::string_view name) {
  std::optional<Value> budget = control::Get(context_.cache, budgets_, ns, name);
  if (!budget) return control::Outcome::Done();
  Facts facts;
  facts.now = context_.clock.WallNanos();
  if (const auto selector = SelectorOf(*budget)) {
    for (PodPtr& pod : tools_.pods.InNamespace(ns)) {
      if (selector->Matches(*pod->object)) facts.pods.push_back(std::move(pod));
    }
  }
  facts.budget = *std::move(budget);
  if (CountsScales(facts.budget)) AskScales(facts, ns);
  Plan plan = MakePlan(facts);
  for (const Event& event : plan.events)
    context_.recorder.Record(event.pod ? control::ParseFacts(*event.pod->object) : facts.budget,
                             event.type, event.reason, event.message, kAs);
  if (plan.status) {
    facts.budget.Set("status", *std::move(plan.status));
    // Who evicts writes it as well: then this count is old, and is made again.
    const control::Outcome outcome =
        Written(context_.client.Do(kAs, control::Update(budgets_, facts.budget, "status")));
    if (outcome.failed) return outcome;
  }
  return plan.again ? control::Outcome::After(*plan.again) : control::Outcome::Done();
}

control::Outcome Counter::SyncPod(std::string_view ns, std::string_view name) {
  const std::optional<Value> pod = control::Get(context_.cache, pods_, ns, name);
  if (!pod) return control::Outcome::Done();
  const std::optional<int64_t> stale = StaleAt(*pod);
  if (!stale) return control::Outcome::Done();
  const int64_t now = context_.clock.WallNanos();
  if (*stale > now)
    return control::Outcome::After(std::chrono::milliseconds((*stale - now) / 1'000'000 + 1));
  return Written(context_.client.Do(kAs, control::Update(pods_, Reassured(*pod, now), "status")));
}

}  // namespace keelson::controllers::disruption
