// SPDX-License-Identifier: Apache-2.0
// What pods say of nodes and of other pods, compiled once from the object. Plain values.
#pragma once

#include <string>
#include <vector>

#include "minimal-master/scheduler/model/labels.h"

namespace keelson::scheduler::model {

enum class Effect : uint8_t { kAny, kNoSchedule, kPreferNoSchedule, kNoExecute };

struct Taint {
  Symbol key = kEmpty;
  Symbol value = kEmpty;
  Effect effect = Effect::kNoSchedule;
  friend bool operator==(const Taint&, const Taint&) = default;
};

struct Toleration {
  Symbol key = kEmpty;  // empty with `exists`: all
  Symbol value = kEmpty;
  Effect effect = Effect::kAny;
  bool exists = false;
  bool Tolerates(const Taint& taint) const {
    if (effect != Effect::kAny && effect != taint.effect) return false;
    if (key != kEmpty && key != taint.key) return false;
    return exists || (key == taint.key && value == taint.value);
  }
};

// Requirements of labels and of the name, all of which hold; one without any matches nothing.
struct NodeTerm {
  std::vector<Requirement> labels;
  std::vector<Requirement> name;
  int weight = 0;  // of a preferred one
  bool Matches(const Labels& node, Symbol node_name) const;
};

struct NodeRules {
  Selector selector;  // spec.nodeSelector
  bool has_terms = false;
  std::vector<NodeTerm> terms;  // any of which holds
  std::vector<NodeTerm> preferred;
  bool Matches(const Labels& node, Symbol node_name) const;
};

// A term of inter-pod affinity. `selector` has the pod's own labels of matchLabelKeys in it.
struct PodTerm {
  Symbol topology = kEmpty;
  Selector selector;
  std::vector<Symbol> namespaces;  // sorted
  Selector namespace_selector;     // nothing: only `namespaces` count
  int weight = 0;
};

struct PodRules {
  std::vector<PodTerm> required;
  std::vector<PodTerm> required_anti;
  std::vector<PodTerm> preferred;
  std::vector<PodTerm> preferred_anti;
  bool empty() const {
    return required.empty() && required_anti.empty() && preferred.empty() && preferred_anti.empty();
  }
};

struct Spread {
  Symbol topology = kEmpty;
  int max_skew = 1;
  int min_domains = 1;
  Selector selector;
  bool hard = true;             // DoNotSchedule
  bool honors_affinity = true;  // nodes that the pod's own rules leave out do not count
  bool honors_taints = false;   // nor those with taints it does not tolerate
};

struct HostPort {
  Symbol ip = kEmpty;  // empty: all addresses
  Symbol protocol = kEmpty;
  int port = 0;
  bool Conflicts(const HostPort& b) const {
    return port == b.port && protocol == b.protocol &&
           (ip == b.ip || ip == kEmpty || b.ip == kEmpty);
  }
};

Effect EffectOf(std::string_view effect);
std::vector<Taint> TaintsOf(const json::Value& taints, Symbols& symbols);
std::vector<Toleration> TolerationsOf(const json::Value& tolerations, Symbols& symbols);
NodeRules NodeRulesOf(const json::Value& spec, Symbols& symbols);
NodeTerm NodeTermOf(const json::Value& term, Symbols& symbols);
PodRules PodRulesOf(const json::Value& pod, const Labels& labels, Symbols& symbols);
std::vector<Spread> SpreadsOf(const json::Value& spec, const Labels& labels, Symbols& symbols);
std::vector<HostPort> HostPortsOf(const json::Value& spec, Symbols& symbols);

}  // namespace keelson::scheduler::model
