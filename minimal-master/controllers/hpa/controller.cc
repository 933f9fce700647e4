// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/hpa/controller.h"

#include <fmt/format.h>

#include "minimal-master/control/objects.h"
#include "minimal-master/controllers/pods/selector.h"

namespace keelson::hpa {
namespace {

using json::Value;

constexpr std::string_view kName = "horizontal-pod-autoscaler";

const schema::Resource& Autoscalers() {
  static const schema::Resource& resource =
      *schema::FindResource("autoscaling", "v2", "horizontalpodautoscalers");
  return resource;
}

const schema::Resource* TargetResource(const Value& target, std::string& why) {
  const std::string& api = target.At({"apiVersion"}).AsString();
  const size_t slash = api.find('/');
  const std::string group = slash == std::string::npos ? "" : api.substr(0, slash);
  const std::string version = slash == std::string::npos ? api : api.substr(slash + 1);
  const std::string& kind = target.At({"kind"}).AsString();
  const schema::Resource* resource = schema::FindResourceOfKind(group, version, kind);
  if (resource == nullptr) {
    why = fmt::format("no matches for kind \"{}\" in group \"{}\"", kind, group);
  } else if (resource->FindSubresource("scale") == nullptr) {
    why = "the server could not find the requested resource";
    resource = nullptr;
  }
  return resource;
}

std::vector<Value> PodsOf(const watch::Cache& cache, std::string_view ns, const Value& scale) {
  std::vector<Value> out;
  const base::Result<watch::selectors::LabelSelector> selector =
      watch::selectors::LabelSelector::Parse(scale.At({"status", "selector"}).AsString());
  if (!selector.ok() || selector->empty()) return out;
  for (const watch::ObjectPtr& pod : control::List(cache, control::ResourceNamed("", "pods"), ns)) {
    if (selector->Matches(*pod)) out.push_back(control::Parse(*pod));
  }
  return out;
}

}  // namespace

std::optional<Value> ScaleOf(const watch::Cache& cache, std::string_view ns, const Value& target,
                             std::string& why) {
  const schema::Resource* resource = TargetResource(target, why);
  if (resource == nullptr) return std::nullopt;
  const std::string& name = target.At({"name"}).AsString();
  const std::optional<Value> object = control::Get(cache, *resource, ns, name);
  if (!object) {
    why = fmt::format("{} \"{}\" not found",
                      resource->group().empty()
                          ? std::string(resource->name())
                          : fmt::format("{}.{}", resource->name(), resource->group()),
                      name);
    return std::nullopt;
  }
  const Value& selector = object->At({"spec", "selector"});
  const bool labels_only = resource->name() == "replicationcontrollers";
  Value out;
  out.Set("spec", Value::Object({{"replicas", Value(object->At({"spec", "replicas"}).AsInt())}}));
  out.Set("status",
          Value::Object({{"replicas", Value(object->At({"status", "replicas"}).AsInt())},
                         {"selector", Value((labels_only ? pods::SelectorOfLabels(selector)
                                                         : pods::SelectorOf(selector))
                                                .Format())}}));
  return out;
}

std::vector<const schema::Resource*> Autoscaler::Watches() const { return {&Autoscalers()}; }

void Autoscaler::Route(const control::Change& change, const Add& add) {
  if (change.kind == watch::Kind::kDeleted) {
    const std::lock_guard lock(mutex_);
    histories_.erase(std::string(change.object->uid()));
    return;
  }
  // Its own writes of the status are nothing new.
  if (change.old && control::Parse(*change.old).At({"metadata", "generation"}) ==
                        control::Parse(*change.object).At({"metadata", "generation"}))
    return;
  add(control::KeyOf(*change.object));
}

control::Outcome Autoscaler::Sync(const std::string& key) {
  const auto [ns, name] = control::SplitKey(key);
  const watch::ObjectPtr object = control::Find(cache_, Autoscalers(), ns, name);
  if (!object) return control::Outcome::Done();
  Facts facts;
  facts.autoscaler = control::Parse(*object);
  facts.autoscaler.Set("apiVersion", Value("autoscaling/v2"));
  facts.autoscaler.Set("kind", Value("HorizontalPodAutoscaler"));
  facts.timing.now = clock_.WallNanos() / 1'000'000'000;
  facts.scale =
      ScaleOf(cache_, ns, facts.autoscaler.At({"spec", "scaleTargetRef"}), facts.no_scale);
  if (facts.scale) facts.pods = PodsOf(cache_, ns, *facts.scale);
  const std::string uid(object->uid());
  History history;
  {
    const std::lock_guard lock(mutex_);
    history = histories_[uid];
  }
  Plan plan = MakePlan(facts, usage_, history);
  if (plan.replicas) {
    std::string why;
    const Value& target = facts.autoscaler.At({"spec", "scaleTargetRef"});
    const status::Or<Value> done = client_.Do(
        kName, control::MergePatch(
                   *TargetResource(target, why), ns, target.At({"name"}).AsString(),
                   Value::Object({{"spec", Value::Object({{"replicas", Value(*plan.replicas)}})}}),
                   "scale"));
    AfterScaling(plan, done.ok() ? "" : done.failure().message, facts.timing.now);
    if (done.ok()) {
      Remember(history, facts.scale->At({"spec", "replicas"}).AsInt(), *plan.replicas,
               facts.timing.now, facts.autoscaler.At({"spec", "behavior"}));
    }
  }
  {
    const std::lock_guard lock(mutex_);
    histories_[uid] = std::move(history);
  }
  for (const Event& event : plan.events)
    recorder_.Record(facts.autoscaler, event.type, event.reason, event.message, kName);
  if (!(plan.status == facts.autoscaler.At({"status"}))) {
    Value update = facts.autoscaler;
    update.Set("status", std::move(plan.status));
    const status::Or<Value> done =
        client_.Do(kName, control::Update(Autoscalers(), std::move(update), "status"));
    // Somebody wrote in between: that one's event or the next look will do.
    if (!done.ok() && done.failure().code != 409 && done.failure().code != 404)
      return control::Outcome::Failed(done.failure().message);
  }
  return control::Outcome::After(period_);
}

}  // namespace keelson::hpa
