// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "minimal-master/scheduler/decide/fake_cluster.h"
#include "minimal-master/scheduler/decide/node_filters.h"

namespace keelson::scheduler::decide {
namespace {

struct Case {
  std::string_view name;
  std::string pod;     // spec
  std::string node;    // spec
  std::string labels;  // of the node
  std::string other;   // spec of a pod that is there; empty: none
  std::string answer;  // "": it fits
  bool hopeless = true;
};

const char kWith[] = "{containers: [{resources: {requests: ";

TEST(NodeFilters, OneNodeAndOnePod) {
  const Case cases[] = {
      {"nothing asked for", "{}", "{}", "{}", "", ""},
      {"cordoned", "{}", "{unschedulable: true}", "{}", "", "node(s) were unschedulable"},
      {"cordoned and tolerated",
       "{tolerations: [{key: node.kubernetes.io/unschedulable, operator: Exists}]}",
       "{unschedulable: true}", "{}", "", ""},
      {"a taint", "{}", "{taints: [{key: a, value: b, effect: NoSchedule}]}", "{}", "",
       "node(s) had untolerated taint(s)"},
      {"a taint that only is preferred", "{}", "{taints: [{key: a, effect: PreferNoSchedule}]}",
       "{}", "", ""},
      {"tolerated by value", "{tolerations: [{key: a, value: b}]}",
       "{taints: [{key: a, value: b, effect: NoExecute}]}", "{}", "", ""},
      {"tolerated for another effect",
       "{tolerations: [{key: a, operator: Exists, effect: NoExecute}]}",
       "{taints: [{key: a, value: b, effect: NoSchedule}]}", "{}", "",
       "node(s) had untolerated taint(s)"},
      {"everything is tolerated", "{tolerations: [{operator: Exists}]}",
       "{taints: [{key: a, effect: NoSchedule}, {key: b, effect: NoExecute}]}", "{}", "", ""},
      {"a selector", "{nodeSelector: {disk: ssd}}", "{}", "{disk: ssd}", "", ""},
      {"a selector that does not match", "{nodeSelector: {disk: ssd}}", "{}", "{disk: hdd}", "",
       "node(s) didn't match Pod's node affinity/selector"},
      {"the second of two terms",
       "{affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: "
       "{nodeSelectorTerms: [{matchExpressions: [{key: a, operator: In, values: [x]}]}, "
       "{matchExpressions: [{key: size, operator: Gt, values: ['3']}]}]}}}}",
       "{}", "{size: '4'}", "", ""},
      {"a term without requirements matches nothing",
       "{affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: "
       "{nodeSelectorTerms: [{}]}}}}",
       "{}", "{}", "", "node(s) didn't match Pod's node affinity/selector"},
      {"another node by name",
       "{affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: "
       "{nodeSelectorTerms: [{matchFields: [{key: metadata.name, operator: NotIn, values: "
       "['n']}]}]}}}}",
       "{}", "{}", "", "node(s) didn't match Pod's node affinity/selector"},
      {"a port", "{containers: [{ports: [{hostPort: 80}]}]}", "{}", "{}",
       "{containers: [{ports: [{hostPort: 80, hostIP: 10.0.0.1}]}]}",
       "node(s) didn't have free ports for the requested pod ports", false},
      {"a port of another address", "{containers: [{ports: [{hostPort: 80, hostIP: 10.0.0.2}]}]}",
       "{}", "{}", "{containers: [{ports: [{hostPort: 80, hostIP: 10.0.0.1}]}]}", ""},
      {"a port of another protocol", "{containers: [{ports: [{hostPort: 80, protocol: UDP}]}]}",
       "{}", "{}", "{containers: [{ports: [{hostPort: 80}]}]}", ""},
      {"too little is left", std::string(kWith) + "{cpu: 3, memory: 6Gi}}}]}", "{}", "{}",
       std::string(kWith) + "{cpu: 2, memory: 4Gi}}}]}", "Insufficient cpu, 1 Insufficient memory",
       false},
      {"exactly all of it", std::string(kWith) + "{cpu: 2, memory: 4Gi}}}]}", "{}", "{}",
       std::string(kWith) + "{cpu: 2, memory: 4Gi}}}]}", ""},
      {"more than the node has", std::string(kWith) + "{cpu: 5}}}]}", "{}", "{}", "",
       "Insufficient cpu"},
      {"a resource nobody has", std::string(kWith) + "{example.com/gpu: 1}}}]}", "{}", "{}", "",
       "Insufficient example.com/gpu"},
      {"storage", std::string(kWith) + "{ephemeral-storage: 1Gi}}}]}", "{}", "{}", "",
       "Insufficient ephemeral-storage"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    FakeCluster fake;
    fake.Node("n", c.labels, c.node);
    if (!c.other.empty()) fake.Put("n", "other", c.other);
    const model::PodRef pod = fake.Pod("p", c.pod);
    EXPECT_EQ(fake.Ask(pod),
              c.answer.empty() ? "n" : "0/1 nodes are available: 1 " + c.answer + ".");
    if (c.answer.empty()) continue;
    const Cycle cycle(*pod, fake.cluster, fake.UnschedulableTaint());
    EXPECT_EQ(cycle.Check(*fake.cluster.nodes()[0]).hopeless, c.hopeless);
  }
}

TEST(NodeFilters, CountPodsAndNames) {
  FakeCluster fake;
  fake.Node("n", "{}", "{}", "{cpu: 4, memory: 8Gi, pods: 1}");
  fake.Put("n", "other");
  EXPECT_EQ(fake.Ask(fake.Pod("p")), "0/1 nodes are available: 1 Too many pods.");
  model::Pod named = *fake.Pod("q");
  named.node = fake.cluster.symbols().Of("elsewhere");
  EXPECT_EQ(NodeName(named, *fake.cluster.nodes()[0]).why, kNodeName);
}

struct SpreadCase {
  std::string_view name;
  std::string rule;  // more of the constraint
  std::string answer;
};

// Zones: a has two pods of ours on n1, b none on n2, the node of zone c is tainted.
TEST(PodTopologySpread, KeepsZonesEven) {
  const SpreadCase cases[] = {
      {"the emptier zone", "topologyKey: zone", "n2"},
      {"a label that no node has", "topologyKey: rack",
       "0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 node(s) didn't match pod "
       "topology spread constraints (missing required label)."},
      {"tainted nodes count unless honoured: zone c stays empty", "topologyKey: zone, maxSkew: 2",
       "n2"},
      {"too few zones count as empty ones", "topologyKey: zone, minDomains: 5, maxSkew: 1", "n2"},
  };
  for (const SpreadCase& c : cases) {
    SCOPED_TRACE(c.name);
    FakeCluster fake;
    fake.Node("n1", "{zone: a}");
    fake.Node("n2", "{zone: b}");
    fake.Node("n3", "{zone: c}", "{taints: [{key: x, effect: NoSchedule}]}");
    fake.Put("n1", "one", "{}", "{app: web}");
    fake.Put("n1", "two", "{}", "{app: web}");
    const std::string skew = c.rule.find("maxSkew") == std::string::npos ? ", maxSkew: 1" : "";
    EXPECT_EQ(fake.Ask(fake.Pod("p",
                                "{topologySpreadConstraints: [{" + c.rule + skew +
                                    ", whenUnsatisfiable: DoNotSchedule, labelSelector: "
                                    "{matchLabels: {app: web}}}]}",
                                "{app: web}")),
              c.answer);
  }
}

TEST(PodTopologySpread, CountsOnlyWhatItsPoliciesAndKeysSay) {
  struct PolicyCase {
    std::string_view name;
    std::string rule;
    std::string answer;
  };
  // Zone b has one of ours, zone a one; zone c is empty but tainted.
  const std::string refused =
      "0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 node(s) didn't match pod "
      "topology spread constraints.";
  const PolicyCase cases[] = {
      {"a tainted zone counts", "", refused},
      {"it does not when taints are honoured", ", nodeTaintsPolicy: Honor", "n1"},
      {"pods of another revision do not count", ", matchLabelKeys: [hash]", "n1"},
      {"fewer zones than asked for: the lowest is none", ", nodeTaintsPolicy: Honor, minDomains: 3",
       refused},
  };
  for (const PolicyCase& c : cases) {
    SCOPED_TRACE(c.name);
    FakeCluster fake;
    fake.Node("n1", "{zone: a}");
    fake.Node("n2", "{zone: b}");
    fake.Node("n3", "{zone: c}", "{taints: [{key: x, effect: NoSchedule}]}");
    fake.Put("n1", "one", "{}", "{app: web, hash: old}");
    fake.Put("n2", "two", "{}", "{app: web, hash: old}");
    fake.Put("n2", "elsewhere", "{}", "{app: web}", "{}", "other");
    EXPECT_EQ(fake.Ask(fake.Pod("p",
                                "{topologySpreadConstraints: [{topologyKey: zone, maxSkew: 1, "
                                "whenUnsatisfiable: DoNotSchedule, labelSelector: {matchLabels: "
                                "{app: web}}" +
                                    c.rule + "}]}",
                                "{app: web, hash: new}")),
              c.answer);
  }
}

TEST(InterPodAffinity, NearTheseAwayFromThose) {
  const std::string near =
      "{affinity: {podAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: "
      "zone, labelSelector: {matchLabels: {app: db}}";
  const std::string away =
      "{affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: "
      "[{topologyKey: zone, labelSelector: {matchLabels: {app: db}}";
  struct AffinityCase {
    std::string_view name;
    std::string spec;
    std::string labels;
    std::string answer;
  };
  const AffinityCase cases[] = {
      {"near the database", near + "}]}}}", "{}", "n1"},
      {"away from it", away + "}]}}}", "{}", "n2"},
      {"its namespace is another", near + ", namespaces: [other]}]}}}", "{}",
       "0/2 nodes are available: 2 node(s) didn't match pod affinity rules."},
      {"all namespaces", near + ", namespaceSelector: {}}]}}}", "{}", "n1"},
      {"namespaces by their labels", near + ", namespaceSelector: {matchLabels: {team: a}}}]}}}",
       "{}", "n1"},
      {"no namespace has those", near + ", namespaceSelector: {matchLabels: {team: b}}}]}}}", "{}",
       "0/2 nodes are available: 2 node(s) didn't match pod affinity rules."},
      {"not of its own revision", away + ", mismatchLabelKeys: [hash]}]}}}", "{hash: x}", "n2"},
      {"of its own revision only", away + ", matchLabelKeys: [hash]}]}}}", "{hash: x}", "n1"},
      {"others keep it away", "{nodeSelector: {zone: b}}", "{shy: \"yes\"}",
       "0/2 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, 1 node(s) "
       "didn't satisfy existing pods anti-affinity rules."},
  };
  for (const AffinityCase& c : cases) {
    SCOPED_TRACE(c.name);
    FakeCluster fake;
    fake.cluster.PutNamespace("default", FakeCluster::Yaml("{team: a}"));
    fake.Node("n1", "{zone: a}");
    fake.Node("n2", "{zone: b}");
    fake.Put("n1", "db", "{}", "{app: db}");
    fake.Put("n2", "loner",
             "{affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: "
             "[{topologyKey: zone, labelSelector: {matchLabels: {shy: \"yes\"}}}]}}}");
    // Without a preference n1 would be as good as n2; the first of equals is taken.
    EXPECT_EQ(fake.Ask(fake.Pod("p", c.spec, c.labels)), c.answer);
  }
}

TEST(InterPodAffinity, TheFirstOfAGroupNeedsNobody) {
  FakeCluster fake;
  fake.Node("n1", "{zone: a}");
  const std::string spec =
      "{affinity: {podAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: "
      "zone, labelSelector: {matchLabels: {app: web}}}]}}}";
  EXPECT_EQ(fake.Ask(fake.Pod("p", spec, "{app: web}")), "n1");
  EXPECT_EQ(fake.Ask(fake.Pod("q", spec, "{app: other}")),
            "0/1 nodes are available: 1 node(s) didn't match pod affinity rules.");
}

TEST(Volumes, SayWhatIsMissing) {
  struct VolumeCase {
    std::string_view name;
    std::string claim;  // empty: there is none
    std::string answer;
  };
  const VolumeCase cases[] = {
      {"no claim", "", "0/2 nodes are available: persistentvolumeclaim \"data\" not found."},
      {"not bound", "{spec: {storageClassName: now}}",
       "0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims."},
      {"waits for its pod", "{spec: {storageClassName: later}}",
       "0/2 nodes are available: 2 node(s) didn't find available persistent volumes to bind."},
      {"bound to one that is gone", "{spec: {volumeName: old}, status: {phase: Lost}}",
       "0/2 nodes are available: persistentvolumeclaim \"data\" bound to non-existent "
       "persistentvolume \"old\"."},
      {"bound where the volume is", "{spec: {volumeName: v}, status: {phase: Bound}}", "n2"},
  };
  for (const VolumeCase& c : cases) {
    SCOPED_TRACE(c.name);
    FakeCluster fake;
    fake.Node("n1");
    fake.Node("n2");
    const json::Value later = FakeCluster::Yaml("{volumeBindingMode: WaitForFirstConsumer}");
    fake.cluster.PutStorageClass("later", &later);
    const json::Value volume = FakeCluster::Yaml(
        "{spec: {nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions: [{key: "
        "kubernetes.io/hostname, operator: In, values: [n2]}]}]}}}}");
    fake.cluster.PutVolume("v", &volume);
    if (!c.claim.empty()) {
      const json::Value claim = FakeCluster::Yaml(c.claim);
      fake.cluster.PutClaim("default/data", &claim);
    }
    EXPECT_EQ(
        fake.Ask(fake.Pod("p", "{volumes: [{name: d, persistentVolumeClaim: {claimName: data}}]}")),
        c.answer);
  }
}

}  // namespace
}  // namespace keelson::scheduler::decide
