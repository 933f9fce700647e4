// SPDX-License-Identifier: Apache-2.0
// For tests of decisions: a model made from short YAML, and one question to it. Names are uids.
#pragma once

#include <string>

#include "minimal-master/scheduler/decide/preempt.h"

namespace keelson::scheduler::decide {

class FakeCluster {
 public:
  static json::Value Yaml(const std::string& text) {
    base::Result<json::Value> value = json::ParseYaml(text);
    KEELSON_CHECK(value.ok());
    return *std::move(value);
  }

  // `labels` and `more` (of spec) are YAML flows; every node has 4 CPUs, 8Gi and place for 110 pods
  // unless `allocatable` says otherwise, and a hostname.
  void Node(const std::string& name, const std::string& labels = "{}",
            const std::string& spec = "{}",
            const std::string& allocatable = "{cpu: 4, memory: 8Gi, pods: 110}",
            const std::string& images = "[]") {
    json::Value node =
        Yaml("{metadata: {name: '" + name + "', labels: " + labels + "}, spec: " + spec +
             ", status: {allocatable: " + allocatable + ", images: " + images + "}}");
    node.Find("metadata")->Find("labels")->Set("kubernetes.io/hostname", json::Value(name));
    cluster.PutNode(node);
  }
  model::PodRef Pod(const std::string& name, const std::string& spec = "{}",
                    const std::string& labels = "{}", const std::string& more = "{}",
                    const std::string& ns = "default") {
    json::Value pod = Yaml("{metadata: {name: '" + name + "', namespace: " + ns + ", uid: '" +
                           name + "', labels: " + labels + "}, spec: " + spec + "}");
    const json::Value others = Yaml(more);
    for (const auto& [key, value] : others.members()) pod.Set(key, value);
    return model::PodOf(pod, cluster.symbols());
  }
  // A pod that is there already.
  model::PodRef Put(const std::string& node, const std::string& name,
                    const std::string& spec = "{}", const std::string& labels = "{}",
                    const std::string& more = "{}", const std::string& ns = "default") {
    json::Value with = Yaml(spec);
    with.Set("nodeName", json::Value(node));
    const model::PodRef pod = Pod(name, json::WriteJson(with), labels, more, ns);
    cluster.PutPod(pod);
    return pod;
  }

  model::Taint UnschedulableTaint() {
    return {cluster.symbols().Of("node.kubernetes.io/unschedulable"), model::kEmpty,
            model::Effect::kNoSchedule};
  }
  // The node's name, or what people are told.
  std::string Ask(const model::PodRef& pod) {
    model::Symbols& symbols = cluster.symbols();
    Cycle cycle(*pod, cluster, UnschedulableTaint());
    const Decision decision =
        decider.Decide(cluster, *pod, cycle, symbols.Of("kubernetes.io/hostname"),
                       symbols.Of("topology.kubernetes.io/zone"));
    if (decision.ok()) return std::string(symbols.Text(decision.node));
    return Explain(decision, symbols, "");
  }
  // "node: victims", or the message of preemption.
  std::string AskPreempt(const model::PodRef& pod) {
    model::Symbols& symbols = cluster.symbols();
    Cycle cycle(*pod, cluster, UnschedulableTaint());
    const Decision decision =
        decider.Decide(cluster, *pod, cycle, symbols.Of("kubernetes.io/hostname"),
                       symbols.Of("topology.kubernetes.io/zone"));
    if (decision.ok()) return "fits on " + std::string(symbols.Text(decision.node));
    const Preemption preemption =
        Preempt(cluster, *pod, decision, cycle, [](uint32_t) { return 0u; }, 1'000);
    if (preemption.node == model::kEmpty) return preemption.message;
    std::string out = std::string(symbols.Text(preemption.node)) + ":";
    for (const model::PodRef& victim : preemption.victims) out += " " + victim->name;
    return out;
  }

  model::Cluster cluster;
  Decider decider{[](uint32_t bound) { return bound - 1; }};  // of equals the first
};

}  // namespace keelson::scheduler::decide
