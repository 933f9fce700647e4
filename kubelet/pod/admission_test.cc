// SPDX-License-Identifier: Apache-2.0
#include "kubelet/pod/admission.h"

#include <gtest/gtest.h>

#include "kubelet/pod/test_pod.h"

namespace keelson::pod {
namespace {

std::string Container(const std::string& requests, const std::string& limits = "") {
  return "containers: [{name: a, image: b, resources: {requests: {" + requests + "}, limits: {" +
         limits + "}}}]";
}
std::string Port(const std::string& port) {
  return "containers: [{name: a, image: b, ports: [{" + port + "}]}]";
}

TEST(Admission, RefusesWithUpstreamsReasons) {
  struct Case {
    std::string_view name;
    std::string pod;
    std::vector<std::string> others;
    std::string reason;  // empty: it may come
    std::string message = "";
  };
  const Case cases[] = {
      {"room enough", Container("cpu: 1, memory: 1Gi"), {Container("cpu: 1, memory: 1Gi")}, ""},
      {"to the last milli", Container("cpu: 500m"), {Container("cpu: 1500m")}, ""},
      {"one milli too many",
       Container("cpu: 501m"),
       {Container("cpu: 1"), Container("cpu: 500m")},
       "OutOfcpu",
       "Node didn't have enough resource: cpu, requested: 501, used: 1500, capacity: 2000"},
      {"memory",
       Container("memory: 3Gi"),
       {Container("memory: 1610612736")},
       "OutOfmemory",
       "Node didn't have enough resource: memory, requested: 3221225472, used: 1610612736, "
       "capacity: 4294967296"},
      {"storage",
       Container("ephemeral-storage: 6Gi"),
       {Container("ephemeral-storage: 5Gi")},
       "OutOfephemeral-storage",
       "Node didn't have enough resource: ephemeral-storage, requested: 6442450944, used: "
       "5368709120, capacity: 10737418240"},
      {"huge pages",
       Container("cpu: 1, memory: 1Gi, hugepages-2Mi: 48Mi", "hugepages-2Mi: 48Mi"),
       {Container("cpu: 1, memory: 1Gi, hugepages-2Mi: 32Mi", "hugepages-2Mi: 32Mi")},
       "OutOfhugepages-2Mi",
       "Node didn't have enough resource: hugepages-2Mi, requested: 50331648, used: 33554432, "
       "capacity: 67108864"},
      {"huge pages enough",
       Container("cpu: 1, memory: 1Gi, hugepages-2Mi: 32Mi", "hugepages-2Mi: 32Mi"),
       {Container("cpu: 1, memory: 1Gi, hugepages-2Mi: 32Mi", "hugepages-2Mi: 32Mi")},
       ""},
      {"huge pages of a size that the machine does not have",
       Container("cpu: 1, memory: 1Gi, hugepages-1Gi: 1Gi", "hugepages-1Gi: 1Gi"),
       {},
       "OutOfhugepages-1Gi",
       "Node didn't have enough resource: hugepages-1Gi, requested: 1073741824, used: 0, "
       "capacity: 0"},
      {"storage enough",
       Container("ephemeral-storage: 5Gi"),
       {Container("ephemeral-storage: 5Gi")},
       ""},
      {"who asks for nothing comes in beside who took all",
       Container(""),
       {Container("cpu: 2, memory: 4Gi")},
       ""},
      {"the fourth of three",
       Container(""),
       {Container(""), Container(""), Container("")},
       "OutOfpods",
       "Node didn't have enough resource: pods, requested: 1, used: 3, capacity: 3"},
      {"the largest init container counts",
       "containers: [{name: a, image: b}]\ninitContainers: [{name: i, image: b, resources: "
       "{requests: {cpu: 3}}}]",
       {},
       "OutOfcpu"},
      {"overhead counts",
       "containers: [{name: a, image: b}]\noverhead: {cpu: 3}\nruntimeClassName: vm",
       {},
       "OutOfcpu"},
      {"a port that is taken",
       Port("containerPort: 80, hostPort: 80"),
       {Port("containerPort: 8080, hostPort: 80")},
       "NodePorts"},
      {"of another protocol",
       Port("containerPort: 80, hostPort: 80, protocol: UDP"),
       {Port("containerPort: 80, hostPort: 80")},
       ""},
      {"on another address",
       Port("containerPort: 80, hostPort: 80, hostIP: 192.0.2.1"),
       {Port("containerPort: 80, hostPort: 80, hostIP: 192.0.2.2")},
       ""},
      {"on every address",
       Port("containerPort: 80, hostPort: 80, hostIP: 192.0.2.1"),
       {Port("containerPort: 80, hostPort: 80")},
       "NodePorts"},
      {"inside the pods", Port("containerPort: 80"), {Port("containerPort: 80")}, ""},
      {"by a pod of the host's network",
       Port("containerPort: 80, hostPort: 80"),
       {Port("containerPort: 80") + "\nhostNetwork: true"},
       "NodePorts"},
      {"another system",
       "containers: [{name: a, image: b}]\nos: {name: windows}",
       {},
       "PodOSNotSupported"},
      {"this system",
       "containers: [{name: a, image: b}]\nos: {name: linux}\nnodeSelector: {kubernetes.io/os: "
       "linux}",
       {},
       ""},
      {"another system by label",
       "containers: [{name: a, image: b}]\nnodeSelector: {kubernetes.io/os: plan9}",
       {},
       "PodOSSelectorNodeLabelDoesNotMatch"},
      {"a safe setting",
       "containers: [{name: a, image: b}]\nsecurityContext: {sysctls: [{name: "
       "net.ipv4.tcp_syncookies, value: '0'}]}",
       {},
       ""},
      {"an unsafe one",
       "containers: [{name: a, image: b}]\nsecurityContext: {sysctls: [{name: net.core.somaxconn, "
       "value: '9'}]}",
       {},
       "SysctlForbidden",
       "forbidden sysctl: \"net.core.somaxconn\" not allowlisted"},
      {"allowed by name",
       "containers: [{name: a, image: b}]\nsecurityContext: {sysctls: [{name: kernel.sem, value: "
       "'9'}]}",
       {},
       ""},
      {"allowed by prefix, written with slashes",
       "containers: [{name: a, image: b}]\nsecurityContext: {sysctls: [{name: net/ipv4/conf/all/x, "
       "value: '9'}]}",
       {},
       ""},
  };
  AdmissionRules rules;
  rules.allocatable = {.milli_cpu = 2000,
                       .memory_bytes = int64_t{4} << 30,
                       .pods = 3,
                       .storage_bytes = int64_t{10} << 30,
                       .huge_pages = {{"hugepages-2Mi", 64 << 20}}};
  rules.allowed_unsafe_sysctls = {"kernel.sem", "net/ipv4/conf/*"};
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const kube::Pod pod = TestPod(c.pod);
    std::vector<kube::Pod> others;
    for (const std::string& other : c.others) others.push_back(TestPod(other));
    std::vector<const kube::Pod*> pointers;
    for (const kube::Pod& other : others) pointers.push_back(&other);
    const std::optional<End> refused = Refusal(pod, pointers, rules);
    EXPECT_EQ(refused ? refused->reason : "", c.reason) << (refused ? refused->message : "");
    if (refused && !c.message.empty()) {
      EXPECT_EQ(refused->message, c.message);
    }
  }
}

TEST(Admission, ACriticalPodThatLacksNothingButRoomPushesOthersOut) {
  const AdmissionRules rules{
      .allocatable = {.milli_cpu = 2000, .memory_bytes = int64_t{4} << 30, .pods = 3}};
  const auto pod = [](const std::string& cpu, std::optional<int32_t> priority,
                      const std::string& more = "") {
    kube::Pod made = TestPod(Container("cpu: " + cpu) + more);
    made.spec.priority = priority;
    made.metadata.annotations["kubernetes.io/config.source"] = "file";
    return made;
  };
  const kube::Pod low = pod("500m", 1), high = pod("1500m", 9), none = pod("0", {});
  const auto verdict = [&](const kube::Pod& wanted, const std::vector<const kube::Pod*>& others) {
    const Admission made = Admit(wanted, others, rules);
    std::string text = made.refusal ? made.refusal->reason : "";
    for (const kube::Pod* other : made.preempted)
      text += other == &low ? " low" : other == &high ? " high" : " none";
    return text;
  };
  EXPECT_EQ(verdict(pod("0", 5), {&low, &high}), "");
  EXPECT_EQ(verdict(pod("400m", 5), {&low, &high}), " low");
  EXPECT_EQ(verdict(pod("600m", 5), {&low, &high}), "OutOfcpu") << "all of low is not enough";
  EXPECT_EQ(verdict(pod("600m", 10), {&low, &high}), " high");
  EXPECT_EQ(verdict(pod("1900m", 10), {&low, &high}), " high low");
  EXPECT_EQ(verdict(pod("400m", {}), {&low, &high}), "OutOfcpu") << "of no priority";
  EXPECT_EQ(verdict(pod("1", 5), {&low, &high, &none}), "OutOfpods");
  EXPECT_EQ(verdict(pod("500m", 5), {&low, &high, &none}), " low") << "its place and its CPU";
  // Something else is wrong: nobody goes for that.
  EXPECT_EQ(verdict(pod("400m", 5, "\nos: {name: windows}"), {&low, &high}), "PodOSNotSupported");
  kube::Pod ordinary = pod("400m", 5);
  ordinary.metadata.annotations.clear();
  EXPECT_EQ(verdict(ordinary, {&low, &high}), "OutOfcpu");
}

// What the decoder would not let through; pods of other sources may come.
TEST(Admission, DoesNotRunWithTheHostsUsersWhatAskedForItsOwn) {
  kube::Pod pod = TestPod("containers: [{name: a, image: b}]\nhostUsers: false\n");
  const AdmissionRules rules{.allocatable = {.pods = 1}};
  EXPECT_EQ(Refusal(pod, {}, rules)->reason, "PodFeatureUnsupported");
  pod.spec.host_users = true;
  EXPECT_FALSE(Refusal(pod, {}, rules));
}

TEST(Admission, KeepsSettingsOfTheHostFromPods) {
  kube::Pod pod = TestPod(
      "containers: [{name: a, image: b}]\nsecurityContext: {sysctls: [{name: net.ipv4.tcp_rmem, "
      "value: '0'}]}");
  const AdmissionRules rules{.allocatable = {.pods = 1}};
  EXPECT_FALSE(Refusal(pod, {}, rules));
  pod.spec.host_network = true;
  EXPECT_EQ(Refusal(pod, {}, rules)->message,
            "forbidden sysctl: \"net.ipv4.tcp_rmem\" not allowed with host net enabled");
  pod.spec.security_context.sysctls[0].name = "kernel.shm_rmid_forced";
  EXPECT_FALSE(Refusal(pod, {}, rules));
  pod.spec.host_ipc = true;
  EXPECT_EQ(Refusal(pod, {}, rules)->message,
            "forbidden sysctl: \"kernel.shm_rmid_forced\" not allowed with host ipc enabled");
}

}  // namespace
}  // namespace keelson::pod
