// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/scheduler/model/terms.h"

#include <algorithm>

namespace keelson::scheduler::model {
namespace {

using json::Value;

// The pod's own values of these label keys become requirements.
void AddKeys(const Value& keys, Requirement::Op op, const Labels& labels, Symbols& symbols,
             Selector& selector) {
  if (selector.nothing) return;
  for (const Value& key : keys.items()) {
    const Symbol symbol = symbols.Of(key.AsString());
    const Symbol* value = labels.Find(symbol);
    if (value == nullptr) continue;
    Requirement requirement;
    requirement.key = symbol;
    requirement.op = op;
    requirement.values = {*value};
    selector.all.push_back(std::move(requirement));
  }
}

PodTerm PodTermOf(const Value& term, Symbol own_namespace, const Labels& labels, Symbols& symbols) {
  PodTerm out;
  out.topology = symbols.Of(term.At({"topologyKey"}).AsString());
  out.selector = SelectorOf(term.Find("labelSelector"), symbols);
  AddKeys(term.At({"matchLabelKeys"}), Requirement::Op::kIn, labels, symbols, out.selector);
  AddKeys(term.At({"mismatchLabelKeys"}), Requirement::Op::kNotIn, labels, symbols, out.selector);
  for (const Value& name : term.At({"namespaces"}).items())
    out.namespaces.push_back(symbols.Of(name.AsString()));
  out.namespace_selector = SelectorOf(term.Find("namespaceSelector"), symbols);
  if (out.namespaces.empty() && out.namespace_selector.nothing)
    out.namespaces.push_back(own_namespace);
  std::sort(out.namespaces.begin(), out.namespaces.end());
  return out;
}

void ReadTerms(const Value& rules, Symbol own_namespace, const Labels& labels, Symbols& symbols,
               std::vector<PodTerm>& required, std::vector<PodTerm>& preferred) {
  for (const Value& term : rules.At({"requiredDuringSchedulingIgnoredDuringExecution"}).items())
    required.push_back(PodTermOf(term, own_namespace, labels, symbols));
  for (const Value& one : rules.At({"preferredDuringSchedulingIgnoredDuringExecution"}).items()) {
    preferred.push_back(PodTermOf(one.At({"podAffinityTerm"}), own_namespace, labels, symbols));
    preferred.back().weight = static_cast<int>(one.At({"weight"}).AsInt());
  }
}

}  // namespace

bool NodeTerm::Matches(const Labels& node, Symbol node_name) const {
  if (labels.empty() && name.empty()) return false;
  for (const Requirement& requirement : labels) {
    if (!requirement.Matches(node.Find(requirement.key))) return false;
  }
  for (const Requirement& requirement : name) {
    if (!requirement.Matches(&node_name)) return false;
  }
  return true;
}

bool NodeRules::Matches(const Labels& node, Symbol node_name) const {
  if (!selector.Matches(node)) return false;
  if (!has_terms) return true;
  for (const NodeTerm& term : terms) {
    if (term.Matches(node, node_name)) return true;
  }
  return false;
}

Effect EffectOf(std::string_view effect) {
  return effect == "NoSchedule"         ? Effect::kNoSchedule
         : effect == "PreferNoSchedule" ? Effect::kPreferNoSchedule
         : effect == "NoExecute"        ? Effect::kNoExecute
                                        : Effect::kAny;
}

std::vector<Taint> TaintsOf(const Value& taints, Symbols& symbols) {
  std::vector<Taint> out;
  for (const Value& taint : taints.items()) {
    out.push_back({symbols.Of(taint.At({"key"}).AsString()),
                   symbols.Of(taint.At({"value"}).AsString()),
                   EffectOf(taint.At({"effect"}).AsString())});
  }
  return out;
}

std::vector<Toleration> TolerationsOf(const Value& tolerations, Symbols& symbols) {
  std::vector<Toleration> out;
  for (const Value& one : tolerations.items()) {
    out.push_back({symbols.Of(one.At({"key"}).AsString()), symbols.Of(one.At({"value"}).AsString()),
                   EffectOf(one.At({"effect"}).AsString()),
                   one.At({"operator"}).AsString() == "Exists"});
  }
  return out;
}

NodeTerm NodeTermOf(const Value& term, Symbols& symbols) {
  NodeTerm out;
  for (const Value& expression : term.At({"matchExpressions"}).items())
    out.labels.push_back(RequirementOf(expression, symbols));
  for (const Value& field : term.At({"matchFields"}).items()) {
    out.name.push_back(RequirementOf(field, symbols));
    if (field.At({"key"}).AsString() != "metadata.name")
      out.name.back().op = Requirement::Op::kNever;
  }
  return out;
}

NodeRules NodeRulesOf(const Value& spec, Symbols& symbols) {
  NodeRules out;
  out.selector = SelectorOfMap(spec.At({"nodeSelector"}), symbols);
  const Value& affinity = spec.At({"affinity", "nodeAffinity"});
  const Value& required = affinity.At({"requiredDuringSchedulingIgnoredDuringExecution"});
  out.has_terms = required.IsObject();
  for (const Value& term : required.At({"nodeSelectorTerms"}).items())
    out.terms.push_back(NodeTermOf(term, symbols));
  for (const Value& one :
       affinity.At({"preferredDuringSchedulingIgnoredDuringExecution"}).items()) {
    out.preferred.push_back(NodeTermOf(one.At({"preference"}), symbols));
    out.preferred.back().weight = static_cast<int>(one.At({"weight"}).AsInt());
  }
  return out;
}

PodRules PodRulesOf(const Value& pod, const Labels& labels, Symbols& symbols) {
  PodRules out;
  const Value& affinity = pod.At({"spec", "affinity"});
  if (!affinity.IsObject()) return out;
  const Symbol own = symbols.Of(pod.At({"metadata", "namespace"}).AsString());
  ReadTerms(affinity.At({"podAffinity"}), own, labels, symbols, out.required, out.preferred);
  ReadTerms(affinity.At({"podAntiAffinity"}), own, labels, symbols, out.required_anti,
            out.preferred_anti);
  return out;
}

std::vector<Spread> SpreadsOf(const Value& spec, const Labels& labels, Symbols& symbols) {
  std::vector<Spread> out;
  for (const Value& one : spec.At({"topologySpreadConstraints"}).items()) {
    Spread spread;
    spread.topology = symbols.Of(one.At({"topologyKey"}).AsString());
    spread.max_skew = static_cast<int>(one.At({"maxSkew"}).AsInt());
    if (const Value* domains = one.Find("minDomains"); domains != nullptr && domains->IsInt())
      spread.min_domains = static_cast<int>(domains->AsInt());
    spread.selector = SelectorOf(one.Find("labelSelector"), symbols);
    AddKeys(one.At({"matchLabelKeys"}), Requirement::Op::kIn, labels, symbols, spread.selector);
    spread.hard = one.At({"whenUnsatisfiable"}).AsString() == "DoNotSchedule";
    spread.honors_affinity = one.At({"nodeAffinityPolicy"}).AsString() != "Ignore";
    spread.honors_taints = one.At({"nodeTaintsPolicy"}).AsString() == "Honor";
    out.push_back(std::move(spread));
  }
  return out;
}

std::vector<HostPort> HostPortsOf(const Value& spec, Symbols& symbols) {
  std::vector<HostPort> out;
  const auto read = [&](const Value& container) {
    for (const Value& port : container.At({"ports"}).items()) {
      const int64_t number = port.At({"hostPort"}).AsInt();
      if (number <= 0) continue;
      const std::string& ip = port.At({"hostIP"}).AsString();
      const std::string& protocol = port.At({"protocol"}).AsString();
      out.push_back({symbols.Of(ip == "0.0.0.0" ? "" : ip),
                     symbols.Of(protocol.empty() ? "TCP" : protocol), static_cast<int>(number)});
    }
  };
  for (const Value& container : spec.At({"containers"}).items()) read(container);
  for (const Value& container : spec.At({"initContainers"}).items()) {
    // Only side-cars run beside others.
    if (container.At({"restartPolicy"}).AsString() == "Always") read(container);
  }
  return out;
}

}  // namespace keelson::scheduler::model
