// SPDX-License-Identifier: Apache-2.0
#include "kubelet/eviction/victims.h"

#include <gtest/gtest.h>

#include "kubelet/pod/test_pod.h"
#include "lib/base/strings.h"

namespace keelson::eviction {
namespace {

constexpr int64_t kMi = 1 << 20;

class Node {
 public:
  // `resources`: of its one container "a", in YAML's flow style.
  PodUse& Has(const std::string& name, const std::string& resources = "{}", int priority = 0,
              const std::string& more = "") {
    auto pod = std::make_unique<kube::Pod>(
        pod::TestPod("containers: [{name: a, image: b, resources: " + resources +
                     "}]\npriority: " + std::to_string(priority) + "\n" + more));
    pod->metadata.name = name;
    pod->metadata.annotations["kubernetes.io/config.source"] = "api";
    pods_.push_back(std::move(pod));
    candidates_.push_back({pods_.back().get(), PodUse{.containers = {{.name = "a"}}}});
    return *candidates_.back().use;
  }
  void HasUnknown(const std::string& name) {
    Has(name);
    candidates_.back().use.reset();
  }
  std::string Order(Signal signal, bool apart = false) {
    std::vector<Candidate> ranked = candidates_;
    Rank(ranked, signal, apart);
    std::vector<std::string> names;
    for (const Candidate& one : ranked) names.push_back(one.pod->metadata.name);
    return base::Join(names, " ");
  }
  Candidate& last() { return candidates_.back(); }

 private:
  std::vector<std::unique_ptr<kube::Pod>> pods_;
  std::vector<Candidate> candidates_;
};

TEST(Victims, OfMemoryAreThoseBeyondTheirRequestsThenByPriorityThenByHowMuch) {
  Node node;
  node.Has("within", "{requests: {memory: 500Mi}}").memory = 400 * kMi;
  node.Has("important", "{}", 1000).memory = 300 * kMi;
  node.Has("little").memory = 10 * kMi;
  node.Has("much", "{requests: {memory: 100Mi}}").memory = 200 * kMi;
  node.Has("within-less-important", "{requests: {memory: 500Mi}}", -5).memory = 100 * kMi;
  EXPECT_EQ(node.Order(Signal::kMemory), "much little important within-less-important within");
  EXPECT_EQ(node.Order(Signal::kPodsMemory), node.Order(Signal::kMemory));
  node.HasUnknown("unknown");
  EXPECT_EQ(node.Order(Signal::kMemory).substr(0, 8), "unknown ");
}

TEST(Victims, OfADiskAreThoseThatHaveMuchOnThatDisk) {
  Node node;
  node.Has("layer").containers[0].layer = {900, 9};
  node.Has("logs").containers[0].logs = {500, 1};
  node.Has("volume").volumes["v"] = {700, 20};
  node.Has("asked", "{requests: {ephemeral-storage: 2k}}").volumes["v"] = {1900, 2};
  EXPECT_EQ(node.Order(Signal::kNodeDisk), "layer volume logs asked");
  EXPECT_EQ(node.Order(Signal::kNodeInodes), "volume layer asked logs");
  EXPECT_EQ(node.Order(Signal::kNodeDisk, true), "volume logs layer asked");
  EXPECT_EQ(node.Order(Signal::kImageDisk, true), "layer logs volume asked");
}

TEST(Victims, OfProcessesAreTheLeastImportantThenThoseWithMost) {
  Node node;
  node.Has("few").processes = 2;
  node.Has("many").processes = 200;
  node.Has("important", "{}", 10).processes = 1000;
  EXPECT_EQ(node.Order(Signal::kPids), "many few important");
}

TEST(Victims, AreNeverStaticOrTheSystems) {
  Node node;
  node.Has("ordinary");
  EXPECT_TRUE(MayBeEvicted(*node.last().pod));
  node.Has("system", "{}", 2'000'000'000);
  EXPECT_FALSE(MayBeEvicted(*node.last().pod));
  kube::Pod manifest = *node.last().pod;
  manifest.spec.priority.reset();
  manifest.metadata.annotations["kubernetes.io/config.source"] = "file";
  EXPECT_FALSE(MayBeEvicted(manifest));
}

TEST(Victims, AreToldWhyInUpstreamsWords) {
  Node node;
  PodUse& use = node.Has("web", "{requests: {memory: 1Mi, ephemeral-storage: 1Ki}}");
  use.containers[0] = {
      .name = "a", .memory = 20 << 10, .layer = {3 << 10, 1}, .logs = {1 << 10, 1}};
  use.containers.push_back({.name = "somebody else's", .memory = kMi});
  const auto threshold = [](const std::string& signal, const std::string& text) {
    return *ParseThreshold(signal, text).value();
  };
  const Observations left = {{Signal::kMemory, {53484 << 10, int64_t{8} << 30}},
                             {Signal::kNodeDisk, {5 << 20, 100 << 20}},
                             {Signal::kNodeInodes, {12000, 1 << 20}}};
  Notice notice = NoticeOf(threshold("memory.available", "100Mi"), left, node.last());
  EXPECT_EQ(notice.message,
            "The node was low on resource: memory. Threshold quantity: 100Mi, available: "
            "53484Ki. ");
  EXPECT_EQ(notice.annotations["offending_containers"], "");
  EXPECT_EQ(notice.annotations["starved_resource"], "memory");
  use.containers[0].memory = 2 * kMi;
  notice = NoticeOf(threshold("memory.available", "100Mi"), left, node.last());
  EXPECT_EQ(notice.message,
            "The node was low on resource: memory. Threshold quantity: 100Mi, available: 53484Ki. "
            "Container a was using 2Mi, request is 1Mi, has larger consumption of memory. ");
  EXPECT_EQ(notice.annotations["offending_containers"], "a");
  EXPECT_EQ(notice.annotations["offending_containers_usage"], "2Mi");
  EXPECT_EQ(NoticeOf(threshold("nodefs.available", "10%"), left, node.last()).message,
            "The node was low on resource: ephemeral-storage. Threshold quantity: 10Mi, available: "
            "5Mi. Container a was using 4Ki, request is 1Ki, has larger consumption of "
            "ephemeral-storage. ");
  EXPECT_EQ(NoticeOf(threshold("nodefs.inodesFree", "50%"), left, node.last()).message,
            "The node was low on resource: inodes. Threshold quantity: 512Ki, available: 12k. ");
  node.HasUnknown("unknown");
  EXPECT_EQ(NoticeOf(threshold("imagefs.available", "10%"), left, node.last()).message,
            "The node was low on resource: ephemeral-storage. ");
}

TEST(DiskLimits, AreOfVolumesContainersAndPods) {
  Node node;
  const std::string volume = "volumes: [{name: v, emptyDir: {sizeLimit: 1Mi}}]\n";
  EXPECT_FALSE(HasDiskLimits(*(node.Has("none"), node.last().pod)));
  PodUse& full = node.Has("volume", "{}", 0, volume);
  EXPECT_TRUE(HasDiskLimits(*node.last().pod));
  full.volumes["v"] = {kMi, 1};
  EXPECT_EQ(OverItsLimits(node.last(), false), std::nullopt);
  full.volumes["v"] = {kMi + 1, 1};
  EXPECT_EQ(OverItsLimits(node.last(), false),
            "Usage of EmptyDir volume \"v\" exceeds the limit \"1Mi\". ");
  PodUse& container = node.Has("container", "{limits: {ephemeral-storage: 1Mi}}");
  EXPECT_TRUE(HasDiskLimits(*node.last().pod));
  container.containers[0].layer = {kMi / 2, 1};
  container.containers[0].logs = {kMi / 2, 1};
  EXPECT_EQ(OverItsLimits(node.last(), false), std::nullopt);
  container.containers[0].logs = {kMi, 1};
  EXPECT_EQ(OverItsLimits(node.last(), false),
            "Pod ephemeral local storage usage exceeds the total limit of containers 1Mi. ");
  PodUse& one = node.Has("one", "{limits: {ephemeral-storage: 1Mi}}");
  node.last().use->containers.push_back({.name = "b"});
  one.containers[0].logs = {kMi + 1, 1};
  kube::Pod two = *node.last().pod;
  two.spec.containers.push_back(two.spec.containers[0]);
  two.spec.containers.back().name = "b";
  EXPECT_EQ(OverItsLimits({&two, node.last().use}, false),
            "Container a exceeded its local ephemeral storage limit \"1Mi\". ");
  EXPECT_FALSE(HasDiskLimits(
      pod::TestPod("containers: [{name: a, image: b}]\n"
                   "volumes: [{name: v, emptyDir: {sizeLimit: 1Mi, medium: Memory}}]\n")))
      << "the kernel limits it";
}

TEST(Pressure, KeepsPodsOut) {
  const std::set<Condition> memory = {Condition::kMemoryPressure},
                            disk = {Condition::kDiskPressure},
                            both = {Condition::kMemoryPressure, Condition::kDiskPressure};
  const auto admit = [](const std::set<Condition>& conditions, const std::string& resources,
                        int priority = 0, const std::string& toleration = "") {
    Node node;
    node.Has("x", resources, priority,
             toleration.empty() ? "" : "tolerations: [" + toleration + "]\n");
    const auto refusal = RefusalUnder(conditions, *node.last().pod);
    return refusal ? refusal->reason + ": " + refusal->message : "";
  };
  const std::string burstable = "{requests: {cpu: 1m}}";
  const std::string of_memory =
      "{key: node.kubernetes.io/memory-pressure, operator: Exists, effect: NoSchedule}";
  EXPECT_EQ(admit({}, "{}"), "");
  EXPECT_EQ(admit(memory, "{}"), "Evicted: The node had condition: [MemoryPressure]. ");
  EXPECT_EQ(admit(memory, burstable), "");
  EXPECT_EQ(admit(memory, "{}", 0, of_memory), "");
  EXPECT_EQ(admit(memory, "{}", 0, "{operator: Exists}"), "");
  EXPECT_NE(admit(memory, "{}", 0, "{key: other, operator: Exists}"), "");
  EXPECT_EQ(admit(memory, "{}", 2'000'000'000), "");
  EXPECT_EQ(admit(disk, burstable, 0, of_memory),
            "Evicted: The node had condition: [DiskPressure]. ");
  EXPECT_EQ(admit(disk, "{}", 2'000'000'000), "");
  EXPECT_EQ(admit(both, burstable),
            "Evicted: The node had condition: [MemoryPressure DiskPressure]. ");
}

}  // namespace
}  // namespace keelson::eviction
