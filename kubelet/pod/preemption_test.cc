// SPDX-License-Identifier: Apache-2.0
#include "kubelet/pod/preemption.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kubelet/pod/test_pod.h"

namespace keelson::pod {
namespace {

kube::Pod Named(const std::string& name, const std::string& resources) {
  kube::Pod pod = TestPod("containers: [{name: a, image: b, resources: {" + resources + "}}]");
  pod.metadata.name = name;
  return pod;
}
kube::Pod Of(bool is_static, std::optional<int32_t> priority) {
  kube::Pod pod = TestPod("containers: [{name: a, image: b}]");
  pod.spec.priority = priority;
  if (is_static) pod.metadata.annotations["kubernetes.io/config.source"] = "file";
  return pod;
}

TEST(Preemption, WhoMayPushWhomOut) {
  struct Case {
    std::string_view name;
    kube::Pod pod, other;
    bool may;
  };
  constexpr int32_t kSystem = 2'000'000'000;
  const Case cases[] = {
      {"a static pod one that is not", Of(true, {}), Of(false, {}), true},
      {"whatever that one's priority is", Of(true, 0), Of(false, 5), true},
      {"a static pod without a priority another one", Of(true, {}), Of(true, {}), false},
      {"of another priority", Of(true, 5), Of(true, {}), false},
      {"of less priority", Of(true, 5), Of(true, 4), true},
      {"of the same", Of(true, 5), Of(true, 5), false},
      {"of more", Of(true, 5), Of(true, 6), false},
      {"a pod of the system one that is not", Of(false, kSystem), Of(false, kSystem - 1), true},
      {"one of the system another one", Of(false, kSystem + 1000), Of(false, kSystem), true},
      {"an ordinary one a static one", Of(false, 5), Of(true, {}), false},
  };
  for (const Case& c : cases) EXPECT_EQ(MayPreempt(c.pod, c.other), c.may) << c.name;
  kube::Pod of_the_api = Of(true, {});
  of_the_api.metadata.annotations["kubernetes.io/config.source"] = "api";
  EXPECT_FALSE(IsCritical(of_the_api));
  of_the_api.metadata.annotations["kubernetes.io/config.mirror"] = "x";
  EXPECT_TRUE(IsCritical(of_the_api));
}

TEST(Preemption, TakesAsFewAndAsSmallAsWillDo) {
  const kube::Pod nothing = Named("nothing", ""), nothing2 = Named("nothing2", "");
  const kube::Pod small = Named("small", "requests: {cpu: 100m, memory: 100Mi}");
  const kube::Pod middle = Named("middle", "requests: {cpu: 300m, memory: 300Mi}");
  const kube::Pod middle2 = Named("middle2", "requests: {cpu: 300m, memory: 200Mi}");
  const kube::Pod large = Named("large", "requests: {cpu: 900m, memory: 900Mi}");
  const kube::Pod memory = Named("memory", "requests: {cpu: 1m, memory: 500Mi}");
  const kube::Pod full = Named("full", "limits: {cpu: 500m, memory: 500Mi}");
  constexpr int64_t kMi = 1 << 20;
  struct Case {
    std::string_view name;
    std::vector<const kube::Pod*> candidates;
    std::vector<Lack> lacks;
    std::string taken;  // "-": nothing will do
  };
  const Case cases[] = {
      {"nobody there", {}, {{"cpu", 1}}, "-"},
      {"not enough in all", {&small, &middle}, {{"cpu", 401}}, "-"},
      {"enough of one and not of the other", {&large}, {{"cpu", 1}, {"memory", 901 * kMi}}, "-"},
      {"the one that is enough", {&small, &middle, &large}, {{"cpu", 250}}, "middle"},
      {"of two that are enough the smaller in memory",
       {&middle, &middle2, &large},
       {{"cpu", 250}},
       "middle2"},
      {"the nearest first", {&small, &middle, &middle2}, {{"cpu", 350}}, "middle2 small"},
      {"near in every resource",
       {&memory, &middle},
       {{"cpu", 200}, {"memory", 250 * kMi}},
       "middle"},
      {"place for a pod: best effort goes first",
       {&full, &small, &nothing},
       {{"pods", 1}},
       "nothing"},
      {"two of them", {&full, &small, &nothing, &nothing2}, {{"pods", 2}}, "nothing nothing2"},
      {"burstable before guaranteed", {&full, &middle, &large}, {{"cpu", 400}}, "large"},
      {"guaranteed only when it must be", {&full, &middle}, {{"cpu", 400}}, "full"},
      {"and then of the others only what is needed",
       {&full, &small, &middle},
       {{"cpu", 560}},
       "small full"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const auto taken = ToPreempt(c.candidates, c.lacks);
    std::string names = taken ? "" : "-";
    for (const kube::Pod* pod : taken ? *taken : std::vector<const kube::Pod*>())
      names += (names.empty() ? "" : " ") + pod->metadata.name;
    EXPECT_EQ(names, c.taken);
  }
}

}  // namespace
}  // namespace keelson::pod
