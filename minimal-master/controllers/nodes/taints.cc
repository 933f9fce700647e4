// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/nodes/taints.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "minimal-master/control/times.h"

namespace keelson::controllers::nodes {
namespace {

using json::Value;

struct Rule {
  std::string_view condition;
  std::string_view status;
  const char* taint;
};

constexpr Rule kRules[] = {
    {"Ready", "False", kNotReady},
    {"Ready", "Unknown", kUnreachable},
    {"MemoryPressure", "True", "node.kubernetes.io/memory-pressure"},
    {"DiskPressure", "True", "node.kubernetes.io/disk-pressure"},
    {"NetworkUnavailable", "True", "node.kubernetes.io/network-unavailable"},
    {"PIDPressure", "True", "node.kubernetes.io/pid-pressure"},
};
constexpr char kUnschedulable[] = "node.kubernetes.io/unschedulable";

struct Wanted {
  std::string_view key;
  std::string_view effect;
};

bool Is(const Value& taint, const Wanted& wanted) {
  return taint.At({"key"}).AsString() == wanted.key &&
         taint.At({"effect"}).AsString() == wanted.effect;
}

bool Has(const Value& node, const Wanted& wanted) {
  const auto& taints = node.At({"spec", "taints"}).items();
  return std::any_of(taints.begin(), taints.end(),
                     [&](const Value& taint) { return Is(taint, wanted); });
}

bool HasEviction(const Value& node) {
  return Has(node, {kNotReady, "NoExecute"}) || Has(node, {kUnreachable, "NoExecute"});
}

bool IsOurs(const Value& taint) {
  const std::string& key = taint.At({"key"}).AsString();
  const std::string& effect = taint.At({"effect"}).AsString();
  if (effect == "NoExecute") return key == kNotReady || key == kUnreachable;
  if (effect != "NoSchedule") return false;
  return key == kUnschedulable || std::any_of(std::begin(kRules), std::end(kRules),
                                              [&](const Rule& rule) { return key == rule.taint; });
}

std::vector<Wanted> WantedOf(const Value& node, Evict evict) {
  std::vector<Wanted> wanted;
  for (const Value& condition : node.At({"status", "conditions"}).items()) {
    for (const Rule& rule : kRules) {
      if (condition.At({"type"}).AsString() == rule.condition &&
          condition.At({"status"}).AsString() == rule.status)
        wanted.push_back({rule.taint, "NoSchedule"});
    }
  }
  if (node.At({"spec", "unschedulable"}).AsBool()) wanted.push_back({kUnschedulable, "NoSchedule"});
  const Ready ready = ReadyOf(node);
  if (ready == Ready::kFalse || ready == Ready::kUnknown) {
    if (evict == Evict::kYes || (evict == Evict::kKeep && HasEviction(node)))
      wanted.push_back({ready == Ready::kFalse ? kNotReady : kUnreachable, "NoExecute"});
  }
  return wanted;
}

// Old names of labels that must say what the new ones say.
bool MirrorLabels(Value& node) {
  bool changed = false;
  for (const auto& [from, to] : {std::pair{"kubernetes.io/os", "beta.kubernetes.io/os"},
                                 std::pair{"kubernetes.io/arch", "beta.kubernetes.io/arch"}}) {
    const Value value = node.At({"metadata", "labels", from});
    if (!value.IsString() || node.At({"metadata", "labels", to}) == value) continue;
    node.Find("metadata")->Find("labels")->Set(to, value);
    changed = true;
  }
  return changed;
}

}  // namespace

bool LacksEviction(const Value& node) {
  const Ready ready = ReadyOf(node);
  return (ready == Ready::kFalse || ready == Ready::kUnknown) && !HasEviction(node);
}

std::optional<control::Write> PlanNode(const Value& node, Evict evict, int64_t now) {
  std::vector<Wanted> lacking = WantedOf(node, evict);
  Value kept = Value::Array();
  bool changed = false;
  for (const Value& taint : node.At({"spec", "taints"}).items()) {
    const auto found = std::find_if(lacking.begin(), lacking.end(),
                                    [&](const Wanted& wanted) { return Is(taint, wanted); });
    if (found != lacking.end()) {
      lacking.erase(found);
    } else if (IsOurs(taint)) {
      changed = true;
      continue;
    }
    kept.Append(taint);
  }
  for (const Wanted& wanted : lacking) {
    Value taint;
    taint.Set("key", Value(wanted.key));
    taint.Set("effect", Value(wanted.effect));
    taint.Set("timeAdded", Value(control::TimeText(now)));
    kept.Append(std::move(taint));
    changed = true;
  }
  Value out = node;
  if (MirrorLabels(out)) changed = true;
  if (!changed) return std::nullopt;
  Value spec = out.At({"spec"}).IsObject() ? out.At({"spec"}) : Value::Object();
  if (kept.items().empty()) {
    spec.Erase("taints");
  } else {
    spec.Set("taints", std::move(kept));
  }
  out.Set("spec", std::move(spec));
  return control::Update(control::ResourceNamed("", "nodes"), std::move(out));
}

}  // namespace keelson::controllers::nodes
