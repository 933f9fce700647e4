// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "minimal-master/scheduler/model/cluster.h"

namespace keelson::scheduler::model {
namespace {

json::Value Yaml(std::string_view text) {
  base::Result<json::Value> value = json::ParseYaml(text);
  KEELSON_CHECK(value.ok());
  return *std::move(value);
}

TEST(PodRequests, AddUpContainersSideCarsAndOverhead) {
  struct Case {
    std::string_view name;
    std::string_view spec;
    int64_t cpu, memory, scored_cpu, scored_memory;
  };
  constexpr int64_t kMi = 1 << 20;
  const Case cases[] = {
      {"nothing asked for is scored as 100m and 200Mi", "{containers: [{name: a}, {name: b}]}", 0,
       0, 200, 400 * kMi},
      {"containers together",
       "{containers: [{resources: {requests: {cpu: 100m, memory: 1Mi}}}, {resources: {requests: "
       "{cpu: 1}}}]}",
       1100, kMi, 1100, 201 * kMi},
      {"an init container that needs more",
       "{initContainers: [{resources: {requests: {cpu: 2}}}], containers: [{resources: {requests: "
       "{cpu: 500m, memory: 8Mi}}}]}",
       2000, 8 * kMi, 2000, 200 * kMi},
      {"side-cars run beside both",
       "{initContainers: [{restartPolicy: Always, resources: {requests: {cpu: 300m, memory: "
       "1Mi}}}, {resources: {requests: {cpu: 1, memory: 1Mi}}}], containers: [{resources: "
       "{requests: {cpu: 500m, memory: 8Mi}}}]}",
       1300, 9 * kMi, 1300, 9 * kMi},
      {"the pod's own level counts instead",
       "{resources: {requests: {cpu: 3}}, containers: [{resources: {requests: {cpu: 500m, memory: "
       "8Mi}}}]}",
       3000, 8 * kMi, 3000, 8 * kMi},
      {"overhead is added last",
       "{overhead: {cpu: 250m}, containers: [{resources: {requests: {cpu: 500m, memory: 8Mi}}}]}",
       750, 8 * kMi, 750, 8 * kMi},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    Symbols symbols;
    json::Value pod;
    pod.Set("spec", Yaml(c.spec));
    const PodRequests requests = RequestsOf(pod, symbols);
    EXPECT_EQ(requests.exact.cpu, c.cpu);
    EXPECT_EQ(requests.exact.memory, c.memory);
    EXPECT_EQ(requests.scored_cpu, c.scored_cpu);
    EXPECT_EQ(requests.scored_memory, c.scored_memory);
  }
}

TEST(PodRequests, AResizeCountsTheMostOfWhatWasIsAndShallBe) {
  Symbols symbols;
  const json::Value pod = Yaml(R"(
spec: {containers: [{name: a, resources: {requests: {cpu: 1}}}]}
status: {containerStatuses: [{name: a, allocatedResources: {cpu: 2}, resources: {requests: {cpu: 3}}}]}
)");
  EXPECT_EQ(RequestsOf(pod, symbols).exact.cpu, 3000);
}

TEST(Selectors, MatchAsUpstreams) {
  struct Case {
    std::string_view name, selector, labels;
    bool matches;
  };
  const Case cases[] = {
      {"an empty one everything", "{}", "{}", true},
      {"equality", "{matchLabels: {a: b}}", "{a: b, c: d}", true},
      {"another value", "{matchLabels: {a: b}}", "{a: c}", false},
      {"NotIn without the label", "{matchExpressions: [{key: a, operator: NotIn, values: [b]}]}",
       "{}", true},
      {"DoesNotExist", "{matchExpressions: [{key: a, operator: DoesNotExist}]}", "{a: b}", false},
      {"Gt", "{matchExpressions: [{key: a, operator: Gt, values: ['4']}]}", "{a: '5'}", true},
      {"Gt of no number", "{matchExpressions: [{key: a, operator: Gt, values: ['4']}]}", "{a: x}",
       false},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    Symbols symbols;
    const json::Value selector = Yaml(c.selector);
    EXPECT_EQ(SelectorOf(&selector, symbols).Matches(Labels(Yaml(c.labels), symbols)), c.matches);
  }
  Symbols symbols;
  EXPECT_FALSE(SelectorOf(nullptr, symbols).Matches(Labels()));
}

json::Value NodeNamed(const std::string& name, const std::string& zone = "") {
  return Yaml("{metadata: {name: " + name + ", labels: {topology.kubernetes.io/zone: '" + zone +
              "'}}, status: {allocatable: {cpu: 4, memory: 8Gi, pods: 110}}}");
}
json::Value PodNamed(const std::string& name, const std::string& node = "") {
  return Yaml("{metadata: {name: " + name + ", namespace: default, uid: u-" + name +
              "}, spec: {nodeName: '" + node +
              "', containers: [{image: web, resources: {requests: {cpu: 1}}, ports: [{hostPort: "
              "80}]}]}}");
}

TEST(ClusterModel, KeepsSumsOfWhatRunsAndWhatIsOnItsWay) {
  Cluster cluster;
  EXPECT_TRUE(cluster.PutNode(NodeNamed("a")));
  EXPECT_FALSE(cluster.PutNode(NodeNamed("a")));  // only a heartbeat
  const Node& node = *cluster.Find(cluster.symbols().Of("a"));
  EXPECT_EQ(node.max_pods, 110);
  const PodRef waiting = PodOf(PodNamed("p"), cluster.symbols());
  cluster.PutPod(waiting);
  EXPECT_EQ(node.used.cpu, 0);
  cluster.Assume(waiting, node.name);
  EXPECT_EQ(node.used.cpu, 1000);
  cluster.PutPod(waiting);  // heard of again before it is bound
  EXPECT_EQ(node.used.cpu, 1000);
  cluster.PutPod(PodOf(PodNamed("p", "a"), cluster.symbols()));
  EXPECT_FALSE(cluster.IsAssumed(*waiting));
  EXPECT_EQ(node.used.cpu, 1000);
  EXPECT_EQ(node.ports.size(), 1u);
  cluster.RemovePod(*waiting);
  EXPECT_EQ(node.used.cpu, 0);
  EXPECT_TRUE(node.ports.empty());
}

TEST(ClusterModel, TakesBackWhatCouldNotBeBound) {
  Cluster cluster;
  cluster.PutNode(NodeNamed("a"));
  const PodRef pod = PodOf(PodNamed("p"), cluster.symbols());
  cluster.Assume(pod, cluster.symbols().Of("a"));
  cluster.Forget(*pod);
  EXPECT_EQ(cluster.Find(cluster.symbols().Of("a"))->used.cpu, 0);
  EXPECT_EQ(cluster.pods(), 0u);
}

TEST(ClusterModel, LooksAtZonesInTurn) {
  Cluster cluster;
  for (const auto& [name, zone] : {std::pair{"a", "x"}, {"b", "x"}, {"c", "y"}, {"d", "x"}})
    cluster.PutNode(NodeNamed(name, zone));
  std::string order;
  for (const Node* node : cluster.nodes()) order += cluster.symbols().Text(node->name);
  EXPECT_EQ(order, "acbd");
}

TEST(ClusterModel, FindsPodsThatBelongTogether) {
  Cluster cluster;
  const json::Value service = Yaml("{spec: {selector: {app: web}}}");
  const json::Value set = Yaml("{spec: {selector: {matchLabels: {hash: x}}}}");
  cluster.PutSelector("Service", "default", "web", &service);
  cluster.PutSelector("ReplicaSet", "default", "web-1", &set);
  json::Value pod = PodNamed("p");
  EXPECT_TRUE(cluster.SelectorFor(*PodOf(pod, cluster.symbols())).empty());
  pod.Find("metadata")->Set("labels", Yaml("{app: web, hash: x}"));
  EXPECT_EQ(cluster.SelectorFor(*PodOf(pod, cluster.symbols())).all.size(), 1u);
  pod.Find("metadata")
      ->Set("ownerReferences", Yaml("[{kind: ReplicaSet, name: web-1, controller: true}]"));
  EXPECT_EQ(cluster.SelectorFor(*PodOf(pod, cluster.symbols())).all.size(), 2u);
}

TEST(Images, AreNamedAsNodesTellThem) {
  EXPECT_EQ(NormalizedImage("web"), "web:latest");
  EXPECT_EQ(NormalizedImage("registry:5000/web"), "registry:5000/web:latest");
  EXPECT_EQ(NormalizedImage("registry:5000/web:1"), "registry:5000/web:1");
}

}  // namespace
}  // namespace keelson::scheduler::model
