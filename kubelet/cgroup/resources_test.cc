// SPDX-License-Identifier: Apache-2.0
#include "kubelet/cgroup/resources.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keelson::node_cgroup {
namespace {

using kube::Quantity;

kube::ResourceList List(const std::string& cpu, const std::string& memory) {
  kube::ResourceList list;
  if (!cpu.empty()) list["cpu"] = Quantity::Parse(cpu).value();
  if (!memory.empty()) list["memory"] = Quantity::Parse(memory).value();
  return list;
}
// Requests, then limits; requests that are left out follow the limits as the decoder has it.
kube::Container Box(const std::string& cpu, const std::string& memory,
                    const std::string& cpu_limit = "", const std::string& memory_limit = "") {
  kube::Container container;
  container.resources.requests =
      List(cpu.empty() ? cpu_limit : cpu, memory.empty() ? memory_limit : memory);
  container.resources.limits = List(cpu_limit, memory_limit);
  return container;
}
kube::Container Sidecar(kube::Container container) {
  container.restart_policy = "Always";
  return container;
}
kube::Pod PodOf(std::vector<kube::Container> containers, std::vector<kube::Container> init = {}) {
  kube::Pod pod;
  pod.metadata.uid = "u1";
  pod.spec.containers = std::move(containers);
  pod.spec.init_containers = std::move(init);
  return pod;
}
kube::Pod WithPodLevel(kube::Pod pod, kube::ResourceList requests, kube::ResourceList limits) {
  pod.spec.resources = kube::ResourceRequirements{std::move(limits), std::move(requests)};
  return pod;
}

constexpr int64_t kMi = int64_t{1} << 20;

TEST(Qos, EveryRuleOfTheThreeClasses) {
  struct Case {
    std::string name;
    kube::Pod pod;
    std::string expected;
  };
  kube::Pod zero = PodOf({Box("0", "0")});
  kube::Container other;
  other.resources.requests["ephemeral-storage"] = Quantity::FromUnits(5);
  const std::vector<Case> cases = {
      {"nothing is named", PodOf({Box("", "")}), "BestEffort"},
      {"zero is nothing", zero, "BestEffort"},
      {"other resources do not count", PodOf({other}), "BestEffort"},
      {"limits alone", PodOf({Box("", "", "1", "1Gi")}), "Guaranteed"},
      {"the same amounts written otherwise", PodOf({Box("1000m", "1024Mi", "1", "1Gi")}),
       "Guaranteed"},
      {"a request below the limit", PodOf({Box("500m", "1Gi", "1", "1Gi")}), "Burstable"},
      {"only cpu", PodOf({Box("1", "", "1", "")}), "Burstable"},
      {"one of two without", PodOf({Box("", "", "1", "1Gi"), Box("", "")}), "Burstable"},
      {"an init container without", PodOf({Box("", "", "1", "1Gi")}, {Box("", "")}), "Burstable"},
      {"all of three",
       PodOf({Box("", "", "1", "1Gi"), Box("", "", "2", "2Gi")}, {Box("", "", "1", "1Mi")}),
       "Guaranteed"},
      {"pod level decides alone",
       WithPodLevel(PodOf({Box("", "")}), List("1", "1Gi"), List("1", "1Gi")), "Guaranteed"},
      {"pod level requests only",
       WithPodLevel(PodOf({Box("", "", "1", "1Gi")}), List("1", "1Gi"), {}), "Burstable"},
  };
  for (const Case& c : cases) EXPECT_EQ(QosName(QosOf(c.pod)), c.expected) << c.name;
}

TEST(ContainerShares, FollowTheKubeletsConversions) {
  struct Case {
    std::string cpu, cpu_limit;
    int64_t shares, quota;
  };
  const std::vector<Case> cases = {
      {"", "", 2, 0},
      {"1m", "", 2, 0},
      {"2m", "", 2, 0},
      {"3m", "", 3, 0},
      {"100m", "", 102, 0},
      {"1", "", 1024, 0},
      {"250m", "500m", 256, 50000},
      {"", "200m", 204, 20000},
      {"", "1m", 2, 1000},
      {"", "10m", 10, 1000},
      {"", "15m", 15, 1500},
      {"1", "3", 1024, 300000},
      {"300", "", 262144, 0},
      {"256", "", 262144, 0},
      {"255", "", 261120, 0},
  };
  for (const Case& c : cases) {
    const Shares shares = SharesOfContainer(Box(c.cpu, "", c.cpu_limit, ""));
    EXPECT_EQ(shares.cpu_shares, c.shares) << c.cpu << " of " << c.cpu_limit;
    EXPECT_EQ(shares.cpu_quota, c.quota) << c.cpu << " of " << c.cpu_limit;
    EXPECT_EQ(shares.cpu_period, 100000);
    EXPECT_EQ(shares.memory_bytes, 0);
  }
  EXPECT_EQ(SharesOfContainer(Box("", "64Mi", "", "128Mi")).memory_bytes, 128 * kMi);
}

TEST(ContainerShares, QuotaIsOfTheConfiguredPeriodOrNotAtAll) {
  struct Case {
    std::string limit;
    CpuQuota rule;
    int64_t quota, period;
  };
  const std::vector<Case> cases = {
      {"500m", {true, 100000}, 50000, 100000},  {"500m", {true, 5000}, 2500, 5000},
      {"100m", {true, 5000}, 1000, 5000},  // the least that the kernel takes
      {"3", {true, 1000000}, 3000000, 1000000}, {"", {true, 5000}, 0, 5000},
      {"500m", {false, 100000}, 0, 0},
  };
  for (const Case& c : cases) {
    const Shares shares = SharesOfContainer(Box("", "", c.limit, ""), c.rule);
    EXPECT_EQ(shares.cpu_quota, c.quota) << c.limit;
    EXPECT_EQ(shares.cpu_period, c.period) << c.limit;
    EXPECT_EQ(shares.cpu_shares, SharesOfContainer(Box("", "", c.limit, "")).cpu_shares);
  }
  const kube::Pod pod = PodOf({Box("100m", "1Mi", "200m", "2Mi"), Box("", "", "1", "1Mi")});
  EXPECT_EQ(SharesOfPod(pod, {true, 10000}).cpu_quota, 12000);
  EXPECT_EQ(SharesOfPod(pod, {true, 10000}).cpu_period, 10000);
  EXPECT_EQ(SharesOfPod(pod, {false, 100000}).cpu_quota, 0);
  EXPECT_EQ(SharesOfPod(pod, {false, 100000}).memory_bytes, 3 * kMi);
}

TEST(HugePages, AreNamedAsKubernetesAndTheKernelDo) {
  struct Case {
    int64_t bytes;
    std::string resource, unit;
  };
  for (const Case& c :
       {Case{64 << 10, "hugepages-64Ki", "64KB"}, Case{2 << 20, "hugepages-2Mi", "2MB"},
        Case{32 << 20, "hugepages-32Mi", "32MB"}, Case{1 << 30, "hugepages-1Gi", "1GB"},
        Case{int64_t{16} << 30, "hugepages-16Gi", "16GB"}}) {
    EXPECT_EQ(HugePageResource(c.bytes), c.resource);
    EXPECT_EQ(HugePageUnit(c.bytes), c.unit);
    EXPECT_EQ(HugePageSize(c.resource), c.bytes);
  }
  for (const char* other : {"cpu", "hugepages-", "hugepages-x", "memory"})
    EXPECT_EQ(HugePageSize(other), 0) << other;
}

TEST(HugePages, EverySizeOfTheMachineIsLimited) {
  using testing::ElementsAre;
  using testing::Pair;
  NodeCapacity node;
  EXPECT_THAT(HugePageLimits({{"hugepages-2Mi", Quantity::FromUnits(4 * kMi)}}, node),
              testing::IsEmpty());
  node.huge_pages = {{"hugepages-1Gi", 0}, {"hugepages-2Mi", 64 * kMi}};
  EXPECT_THAT(HugePageLimits({}, node), ElementsAre(Pair("1GB", 0), Pair("2MB", 0)));
  EXPECT_THAT(HugePageLimits({{"hugepages-2Mi", Quantity::FromUnits(4 * kMi)},
                              {"memory", Quantity::FromUnits(kMi)}},
                             node),
              ElementsAre(Pair("1GB", 0), Pair("2MB", 4 * kMi)));
  // The same size written otherwise is the same size.
  EXPECT_THAT(HugePageLimits({{"hugepages-2048Ki", Quantity::FromUnits(4 * kMi)}}, node),
              ElementsAre(Pair("1GB", 0), Pair("2MB", 4 * kMi)));
}

TEST(PodShares, LimitsHoldWhereEveryContainerHasOne) {
  struct Case {
    std::string name;
    kube::Pod pod;
    int64_t shares, quota, memory;
  };
  kube::Pod overhead = PodOf({Box("100m", "100Mi", "200m", "200Mi")});
  overhead.spec.overhead = List("50m", "10Mi");
  const std::vector<Case> cases = {
      {"best effort", PodOf({Box("", "")}), 2, 0, 0},
      {"guaranteed", PodOf({Box("", "", "100m", "100Mi")}), 102, 10000, 100 * kMi},
      {"burstable without limits", PodOf({Box("100m", "100Mi")}), 102, 0, 0},
      {"burstable with both", PodOf({Box("100m", "100Mi", "200m", "200Mi")}), 102, 20000,
       200 * kMi},
      {"one without limits frees the pod",
       PodOf({Box("100m", "100Mi", "200m", "200Mi"), Box("100m", "100Mi")}), 204, 0, 0},
      {"cpu of all, memory of one",
       PodOf({Box("100m", "", "200m", "200Mi"), Box("100m", "", "200m", "")}), 204, 40000, 0},
      {"an init container without frees too",
       PodOf({Box("100m", "1Mi", "200m", "2Mi")}, {Box("50m", "")}), 102, 0, 0},
      {"overhead is on top", overhead, 153, 25000, 210 * kMi},
      {"pod level takes over",
       WithPodLevel(PodOf({Box("100m", "")}), List("500m", "1Gi"), List("1", "2Gi")), 512, 100000,
       2048 * kMi},
  };
  for (const Case& c : cases) {
    const Shares shares = SharesOfPod(c.pod);
    EXPECT_EQ(shares.cpu_shares, c.shares) << c.name;
    EXPECT_EQ(shares.cpu_quota, c.quota) << c.name;
    EXPECT_EQ(shares.memory_bytes, c.memory) << c.name;
  }
}

TEST(PodRequestsSum, AnInitStepRunsBesideTheSidecarsBeforeIt) {
  const auto cpu = [](const kube::Pod& pod) { return PodRequests(pod).at("cpu").MilliValue(); };
  EXPECT_EQ(cpu(PodOf({Box("100m", ""), Box("200m", "")})), 300);
  EXPECT_EQ(cpu(PodOf({Box("100m", "")}, {Box("250m", "")})), 250);
  EXPECT_EQ(cpu(PodOf({Box("300m", "")}, {Box("250m", "")})), 300);
  EXPECT_EQ(cpu(PodOf({Box("100m", "")}, {Sidecar(Box("50m", ""))})), 150);
  EXPECT_EQ(cpu(PodOf({Box("100m", "")}, {Sidecar(Box("50m", "")), Box("250m", "")})), 300);
  EXPECT_EQ(cpu(PodOf({Box("100m", "")}, {Box("250m", ""), Sidecar(Box("50m", ""))})), 250);
  kube::Pod pod = PodOf({Box("100m", "")});
  pod.spec.overhead = List("20m", "");
  EXPECT_EQ(cpu(pod), 120);
  EXPECT_EQ(cpu(WithPodLevel(pod, List("1", ""), {})), 1020);
}

TEST(OomScore, FollowsTheShareOfTheNodesMemory) {
  const NodeCapacity node{8000, 10000 * kMi, 110};
  const auto score = [&](const kube::Pod& pod) {
    return OomScoreAdjust(pod, pod.spec.containers[0], node);
  };
  EXPECT_EQ(score(PodOf({Box("", "")})), 1000);
  EXPECT_EQ(score(PodOf({Box("", "", "1", "1Gi")})), -997);
  EXPECT_EQ(score(PodOf({Box("1", "")})), 999) << "burstable dies after best effort";
  EXPECT_EQ(score(PodOf({Box("", "1000Mi")})), 900);
  EXPECT_EQ(score(PodOf({Box("", "5000Mi")})), 500);
  EXPECT_EQ(score(PodOf({Box("", "10000Mi")})), 3);
  EXPECT_EQ(score(PodOf({Box("", "20000Mi")})), 3);
  kube::Pod critical = PodOf({Box("", "")});
  critical.spec.priority_class_name = "system-node-critical";
  EXPECT_EQ(score(critical), -997);

  const kube::Pod sidecar = PodOf({Box("", "2000Mi"), Box("", "1000Mi")},
                                  {Sidecar(Box("", "100Mi")), Sidecar(Box("", "3000Mi"))});
  EXPECT_EQ(OomScoreAdjust(sidecar, sidecar.spec.init_containers[0], node), 900);
  EXPECT_EQ(OomScoreAdjust(sidecar, sidecar.spec.init_containers[1], node), 700);

  const kube::Pod shared =
      WithPodLevel(PodOf({Box("", "1000Mi"), Box("", "")}), List("", "3000Mi"), {});
  EXPECT_EQ(OomScoreAdjust(shared, shared.spec.containers[0], node), 800);
  EXPECT_EQ(OomScoreAdjust(shared, shared.spec.containers[1], node), 900);
}

TEST(PodPath, ATierForEachClass) {
  using Parts = std::vector<std::string>;
  EXPECT_EQ(PodGroup(PodOf({Box("", "")})), (Parts{"besteffort", "podu1"}));
  EXPECT_EQ(PodGroup(PodOf({Box("1", "")})), (Parts{"burstable", "podu1"}));
  EXPECT_EQ(PodGroup(PodOf({Box("", "", "1", "1Gi")})), (Parts{"podu1"}));
}

}  // namespace
}  // namespace keelson::node_cgroup
