// SPDX-License-Identifier: Apache-2.0
// On which nodes a daemon set's pods belong, by its template's node name, selector, affinity and
// tolerations, and the pods as they are made for a node. Pure, any thread. Source: observed
// behaviour of kube-controller-manager 1.35.
#pragma once

#include <optional>
#include <vector>

#include "lib/json/value.h"
#include "minimal-master/controllers/daemonset/nodes.h"
#include "minimal-master/watch/selectors/label_selector.h"

namespace keelson::daemonset {

inline constexpr std::string_view kHashLabel = "controller-revision-hash";
inline constexpr std::string_view kGenerationLabel = "pod-template-generation";

class Placement {
 public:
  explicit Placement(const json::Value& pod_template);
  struct Verdict {
    bool run = false;   // it gets a pod
    bool stay = false;  // one that is there may stay
  };
  Verdict Of(const Node& node) const;

 private:
  struct Term {
    watch::selectors::LabelSelector labels;
    std::vector<json::Value> fields;  // of metadata.name
  };
  bool Fits(const Node& node) const;
  bool Tolerates(const json::Value& taint) const;

  std::string node_name_;
  watch::selectors::LabelSelector selector_;
  std::optional<std::vector<Term>> terms_;  // one must fit
  std::vector<json::Value> tolerations_;
};

// With what every daemon's pod tolerates; bound to the node by its name.
json::Value MakePod(const json::Value& set, const std::string& node, const std::string& hash);

}  // namespace keelson::daemonset
