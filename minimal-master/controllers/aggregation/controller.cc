// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/aggregation/controller.h"

#include <algorithm>

#include "minimal-master/controllers/pods/selector.h"

namespace keelson::controllers::aggregation {
namespace {

using json::Value;

constexpr char kAs[] = "clusterrole-aggregation-controller";

}  // namespace

Planned Plan(const Value& role, const std::vector<Value>& parts) {
  Value rules = Value::Array();
  for (const Value& part : parts) {
    for (const Value& rule : part.items()) {
      if (std::find(rules.items().begin(), rules.items().end(), rule) == rules.items().end())
        rules.Append(rule);
    }
  }
  const Value& now = role.At({"rules"});
  if (now == rules || (now.IsNull() && rules.items().empty())) return {};
  Value metadata;
  metadata.Set("uid", role.At({"metadata", "uid"}));
  metadata.Set("resourceVersion", role.At({"metadata", "resourceVersion"}));
  Value patch;
  patch.Set("metadata", std::move(metadata));
  patch.Set("rules", std::move(rules));
  return {{control::MergePatch(control::ResourceNamed("rbac.authorization.k8s.io", "clusterroles"),
                               "", role.At({"metadata", "name"}).AsString(), std::move(patch))},
          std::nullopt};
}

void Aggregator::Route(const control::Change& change, const Add& add) {
  const watch::Object& object = *change.object;
  const std::lock_guard lock(mutex_);
  if (change.kind != watch::Kind::kDeleted &&
      object.bytes().view().find("\"aggregationRule\":{") != std::string_view::npos) {
    aggregated_.insert(std::string(object.name()));
  } else {
    aggregated_.erase(std::string(object.name()));
  }
  // Any of them may be made of it.
  for (const std::string& name : aggregated_) add(name);
}

control::Outcome Aggregator::Sync(const std::string& key) {
  const std::optional<Value> role = control::Get(context_.cache, roles_, "", key);
  if (!role || !role->At({"aggregationRule"}).IsObject()) return control::Outcome::Done();
  const std::vector<watch::ObjectPtr> all = control::List(context_.cache, roles_, "");
  std::vector<Value> parts;
  for (const Value& selector : role->At({"aggregationRule", "clusterRoleSelectors"}).items()) {
    const watch::selectors::LabelSelector wanted = pods::SelectorOf(selector);
    for (const watch::ObjectPtr& other : all) {
      if (other->name() != key && wanted.Matches(*other))
        parts.push_back(control::Parse(*other).At({"rules"}));
    }
  }
  return Apply(context_.client, kAs, Plan(*role, parts));
}

}  // namespace keelson::controllers::aggregation
