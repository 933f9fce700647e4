// SPDX-License-Identifier: Apache-2.0
#include "kubelet/pod/runtime_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kubelet/pod/test_pod.h"
#include "lib/base/strings.h"

namespace keelson::pod {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;

NodeSettings Node() {
  NodeSettings node;
  node.names = {.node_name = "node", .host_ips = {"192.0.2.7"}};
  node.cluster_dns.servers = {"10.96.0.10"};
  node.capacity = node.allocatable = {.milli_cpu = 4000, .memory_bytes = int64_t{8} << 30};
  return node;
}
cri::PodSandboxConfig Sandbox(const kube::Pod& pod) {
  return SandboxConfig(pod, Node(), "/kubepods/pod1", 2).value();
}
base::Result<cri::ContainerConfig> Configure(const kube::Pod& pod,
                                             const ContainerInputs& inputs = {},
                                             const NodeSettings& node = Node()) {
  return ContainerConfig(pod, pod.spec.containers.at(0), node, inputs, TestObjects(), 3);
}
cri::LinuxContainerSecurityContext Security(const std::string& fields,
                                            const NodeSettings& node = Node()) {
  return Configure(TestPod("containers:\n- {name: a, image: b, securityContext: {}}\n" + fields),
                   {}, node)
      .value()
      .linux()
      .security_context();
}
// Of the container itself.
cri::LinuxContainerSecurityContext OwnSecurity(const std::string& context,
                                               const std::string& fields = "") {
  return Configure(TestPod("containers:\n- {name: a, image: b, securityContext: {" + context +
                           "}}\n" + fields))
      .value()
      .linux()
      .security_context();
}

TEST(SandboxConfig, SaysWhoThePodIs) {
  const kube::Pod pod =
      TestPod("containers: [{name: a, image: b}]", "labels: {app: x}, annotations: {note: hi}");
  const cri::PodSandboxConfig config = Sandbox(pod);
  EXPECT_EQ(config.metadata().name(), "web");
  EXPECT_EQ(config.metadata().namespace_(), "shop");
  EXPECT_EQ(config.metadata().uid(), "u-1");
  EXPECT_EQ(config.metadata().attempt(), 2u);
  EXPECT_EQ(config.hostname(), "web");
  EXPECT_EQ(config.log_directory(), "/var/log/pods/shop_web_u-1");
  EXPECT_THAT(config.labels(),
              UnorderedElementsAre(Pair("app", "x"), Pair("io.kubernetes.pod.name", "web"),
                                   Pair("io.kubernetes.pod.namespace", "shop"),
                                   Pair("io.kubernetes.pod.uid", "u-1")));
  EXPECT_THAT(config.annotations(), ElementsAre(Pair("note", "hi")));
  EXPECT_THAT(config.dns_config().servers(), ElementsAre("10.96.0.10"));
  EXPECT_THAT(config.dns_config().options(), ElementsAre("ndots:5"));
  EXPECT_EQ(config.linux().cgroup_parent(), "/kubepods/pod1");
  const cri::LinuxSandboxSecurityContext& security = config.linux().security_context();
  EXPECT_EQ(security.seccomp().profile_type(), cri::SecurityProfile::RuntimeDefault);
  EXPECT_FALSE(security.privileged());
  EXPECT_EQ(security.namespace_options().network(), cri::POD);
  EXPECT_EQ(security.namespace_options().ipc(), cri::POD);
  EXPECT_EQ(security.namespace_options().pid(), cri::CONTAINER);
}

TEST(SandboxConfig, ItsIdentityIsNotForThePodToSay) {
  const kube::Pod pod =
      TestPod("containers: [{name: a, image: b}]", "labels: {io.kubernetes.pod.uid: other}");
  EXPECT_EQ(Sandbox(pod).labels().at("io.kubernetes.pod.uid"), "u-1");
}

TEST(SandboxConfig, TakesNamespacesFromThePod) {
  const auto options = [](const std::string& fields) {
    return Sandbox(TestPod("containers: [{name: a, image: b}]\n" + fields))
        .linux()
        .security_context()
        .namespace_options();
  };
  EXPECT_EQ(options("hostNetwork: true").network(), cri::NODE);
  EXPECT_EQ(options("hostIPC: true").ipc(), cri::NODE);
  EXPECT_EQ(options("hostPID: true").pid(), cri::NODE);
  EXPECT_EQ(options("shareProcessNamespace: true").pid(), cri::POD);
  EXPECT_EQ(Sandbox(TestPod("containers: [{name: a, image: b}]\nhostNetwork: true")).hostname(),
            "");
}

TEST(SandboxConfig, MapsThePortsOfTheHost) {
  const std::string fields =
      "containers: [{name: a, image: b, ports: [{containerPort: 80}, {containerPort: 81, hostPort: "
      "8081, hostIP: 192.0.2.7}]},\n"
      "             {name: c, image: b, ports: [{containerPort: 53, hostPort: 53, protocol: "
      "UDP}]}]\n"
      "initContainers: [{name: i, image: b, ports: [{containerPort: 1, hostPort: 1}]}, {name: s, "
      "image: b, restartPolicy: Always, ports: [{containerPort: 90, hostPort: 90}]}]\n";
  std::vector<std::string> mapped;
  const cri::PodSandboxConfig config = Sandbox(TestPod(fields));
  for (const cri::PortMapping& mapping : config.port_mappings()) {
    mapped.push_back(mapping.host_ip() + ":" + std::to_string(mapping.host_port()) + "->" +
                     std::to_string(mapping.container_port()) + " " +
                     cri::Protocol_Name(mapping.protocol()));
  }
  EXPECT_THAT(mapped, ElementsAre("192.0.2.7:8081->81 TCP", ":53->53 UDP", ":90->90 TCP"));
  const kube::Pod of_host = TestPod(
      "containers: [{name: a, image: b, ports: [{containerPort: 80, hostPort: 80}]}]\nhostNetwork: "
      "true");
  EXPECT_THAT(Sandbox(of_host).port_mappings(), IsEmpty());
}

TEST(SandboxConfig, CarriesUsersGroupsSysctlsAndResources) {
  const cri::PodSandboxConfig config =
      Sandbox(TestPod("containers: [{name: a, image: b, securityContext: {privileged: true}, "
                      "resources: {limits: {cpu: 500m, memory: 64Mi}}}]\n"
                      "securityContext: {runAsUser: 5, runAsGroup: 6, supplementalGroups: [7, 8], "
                      "fsGroup: 9, sysctls: [{name: kernel.shm_rmid_forced, value: '1'}]}"));
  const cri::LinuxSandboxSecurityContext& security = config.linux().security_context();
  EXPECT_EQ(security.run_as_user().value(), 5);
  EXPECT_EQ(security.run_as_group().value(), 6);
  EXPECT_THAT(security.supplemental_groups(), ElementsAre(7, 8, 9));
  EXPECT_TRUE(security.privileged());
  EXPECT_THAT(config.linux().sysctls(), ElementsAre(Pair("kernel.shm_rmid_forced", "1")));
  EXPECT_EQ(config.linux().resources().cpu_shares(), 512);
  EXPECT_EQ(config.linux().resources().cpu_quota(), 50000);
  EXPECT_EQ(config.linux().resources().memory_limit_in_bytes(), 64 << 20);
}

TEST(SandboxConfig, RefusesANameThatTheKernelCannotHold) {
  kube::Pod pod = TestPod("containers: [{name: a, image: b}]\nsubdomain: " + std::string(50, 's') +
                          "\nsetHostnameAsFQDN: true");
  EXPECT_FALSE(SandboxConfig(pod, Node(), "", 0).ok());
}

TEST(ContainerConfig, SaysWhatRuns) {
  const kube::Pod pod = TestPod(
      "containers:\n- name: a\n  image: nginx:1\n  command: [run, '$(NAME)', '$$(NAME)', "
      "'$(NONE)']\n  args: ['-$(M)']\n  workingDir: /srv\n"
      "  env: [{name: NAME, value: x}, {name: M, value: '$(NAME)y'}]\n  stdin: true\n  stdinOnce: "
      "true\n  tty: true\nterminationGracePeriodSeconds: 5",
      "labels: {app: x}");
  const cri::ContainerConfig config = Configure(pod, {.image_ref = "sha256:12"}).value();
  EXPECT_EQ(config.metadata().name(), "a");
  EXPECT_EQ(config.metadata().attempt(), 3u);
  EXPECT_EQ(config.image().image(), "sha256:12");
  EXPECT_EQ(config.image().user_specified_image(), "nginx:1");
  EXPECT_THAT(config.command(), ElementsAre("run", "x", "$(NAME)", "$(NONE)"));
  EXPECT_THAT(config.args(), ElementsAre("-xy"));
  EXPECT_EQ(config.working_dir(), "/srv");
  EXPECT_EQ(config.envs_size(), 2);
  EXPECT_EQ(config.envs(1).key() + "=" + config.envs(1).value(), "M=xy");
  EXPECT_EQ(config.log_path(), "a/3.log");
  EXPECT_TRUE(config.stdin() && config.stdin_once() && config.tty());
  EXPECT_THAT(config.labels(), UnorderedElementsAre(Pair("io.kubernetes.pod.name", "web"),
                                                    Pair("io.kubernetes.pod.namespace", "shop"),
                                                    Pair("io.kubernetes.pod.uid", "u-1"),
                                                    Pair("io.kubernetes.container.name", "a")));
  EXPECT_EQ(config.annotations().at("io.kubernetes.container.restartCount"), "3");
  EXPECT_EQ(config.annotations().at("io.kubernetes.container.terminationMessagePath"),
            "/dev/termination-log");
  EXPECT_EQ(config.annotations().at("io.kubernetes.container.terminationMessagePolicy"), "File");
  EXPECT_EQ(config.annotations().at("io.kubernetes.pod.terminationGracePeriod"), "5");
  EXPECT_TRUE(config.annotations().contains("io.kubernetes.container.hash"));
}

TEST(ContainerConfig, MountsVolumesThenItsOwnFiles) {
  const kube::Pod pod = TestPod(
      "containers:\n- name: a\n  image: b\n  terminationMessagePath: /dev/words\n  volumeMounts:\n"
      "  - {name: v, mountPath: /data}\n  - {name: v, mountPath: /ro, readOnly: true, "
      "recursiveReadOnly: Enabled, mountPropagation: None}\n"
      "  - {name: v, mountPath: /sub, subPath: x}\n  - {name: v, mountPath: /slave, "
      "mountPropagation: HostToContainer}\n"
      "  - {name: v, mountPath: relative}\n"
      "volumes: [{name: v, emptyDir: {}}]");
  ContainerInputs inputs{.volume_paths = {{"v", "/vol"}},
                         .sub_paths = {{2, "/sub-path"}},
                         .hosts_file = "/hosts",
                         .termination_log = "/words"};
  const cri::ContainerConfig config = Configure(pod, inputs).value();
  std::vector<std::string> mounts;
  for (const cri::Mount& mount : config.mounts()) {
    mounts.push_back(mount.host_path() + ">" + mount.container_path() +
                     (mount.readonly() ? " ro" : "") +
                     (mount.recursive_read_only() ? " recursive" : "") +
                     (mount.propagation() == cri::PROPAGATION_HOST_TO_CONTAINER ? " slave" : ""));
  }
  EXPECT_THAT(mounts, ElementsAre("/vol>/data", "/vol>/ro ro recursive", "/sub-path>/sub",
                                  "/vol>/slave slave", "/vol>/relative", "/hosts>/etc/hosts",
                                  "/words>/dev/words"));
  inputs.volume_paths.clear();
  const base::Result<cri::ContainerConfig> missing = Configure(pod, inputs);
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().message(), "volume v of container a is not mounted");
}

TEST(ContainerConfig, IsReadOnlyAllTheWayDownWhereTheRuntimeCan) {
  const kube::Pod pod = TestPod(
      "volumes: [{name: v, emptyDir: {}}]\ncontainers:\n- name: a\n  image: b\n  volumeMounts: "
      "[{name: v, mountPath: /v, readOnly: true, "
      "recursiveReadOnly: IfPossible, mountPropagation: None}]\n");
  TestObjects objects;
  ContainerInputs inputs;
  inputs.volume_paths = {{"v", "/vol"}};
  EXPECT_FALSE(ContainerConfig(pod, pod.spec.containers[0], {}, inputs, objects, 0)
                   ->mounts(0)
                   .recursive_read_only());
  inputs.recursive_read_only = true;
  EXPECT_TRUE(ContainerConfig(pod, pod.spec.containers[0], {}, inputs, objects, 0)
                  ->mounts(0)
                  .recursive_read_only());
}

TEST(ContainerConfig, KeepsWhatAnotherKubeletNeedsToEndIt) {
  const kube::Pod pod = TestPod(
      "containers:\n- name: a\n  image: b\n  ports: [{containerPort: 80}]\n  lifecycle: {preStop: "
      "{sleep: {seconds: 3}}}\n- {name: c, image: d}\n");
  TestObjects objects;
  const auto annotations =
      ContainerConfig(pod, pod.spec.containers[0], {}, {}, objects, 0)->annotations();
  EXPECT_EQ(annotations.at("io.kubernetes.container.preStopHandler"), R"({"sleep":{"seconds":3}})");
  EXPECT_EQ(annotations.at("io.kubernetes.container.ports"), R"([{"containerPort":80}])");
  const auto others =
      ContainerConfig(pod, pod.spec.containers[1], {}, {}, objects, 0)->annotations();
  EXPECT_FALSE(others.contains("io.kubernetes.container.preStopHandler") ||
               others.contains("io.kubernetes.container.ports"));
}

TEST(ContainerConfig, SeesTheProcessesOfTheOneItLooksAt) {
  const auto namespaces = [](const std::string& fields, const std::string& target) {
    ContainerInputs inputs;
    inputs.target_id = target;
    return Configure(TestPod("containers: [{name: a, image: b}]\n" + fields), inputs)
        .value()
        .linux()
        .security_context()
        .namespace_options();
  };
  EXPECT_EQ(namespaces("", "").pid(), cri::CONTAINER);
  EXPECT_EQ(namespaces("", "c1").pid(), cri::TARGET);
  EXPECT_EQ(namespaces("", "c1").target_id(), "c1");
  EXPECT_EQ(namespaces("shareProcessNamespace: true", "c1").pid(), cri::POD);
  EXPECT_EQ(namespaces("hostPID: true", "c1").pid(), cri::NODE);
  EXPECT_EQ(namespaces("hostPID: true", "c1").target_id(), "");
}

TEST(ContainerConfig, LeavesAnEtcHostsOfItsOwnAlone) {
  const kube::Pod pod = TestPod(
      "containers: [{name: a, image: b, volumeMounts: [{name: v, mountPath: "
      "/etc/hosts}]}]\nvolumes: [{name: v, hostPath: {path: /x}}]");
  const cri::ContainerConfig config =
      Configure(pod, {.volume_paths = {{"v", "/x"}}, .hosts_file = "/hosts"}).value();
  ASSERT_EQ(config.mounts_size(), 1);
  EXPECT_EQ(config.mounts(0).host_path(), "/x");
}

TEST(ContainerConfig, ItsOwnUserComesBeforeThePods) {
  const std::string of_pod =
      "securityContext: {runAsUser: 5, runAsGroup: 6, supplementalGroups: [7], fsGroup: 9, "
      "supplementalGroupsPolicy: Strict}";
  cri::LinuxContainerSecurityContext security = OwnSecurity("runAsUser: 1", of_pod);
  EXPECT_EQ(security.run_as_user().value(), 1);
  EXPECT_EQ(security.run_as_group().value(), 6);
  EXPECT_THAT(security.supplemental_groups(), ElementsAre(7, 9));
  EXPECT_EQ(security.supplemental_groups_policy(), cri::Strict);
  security = OwnSecurity("runAsGroup: 2", of_pod);
  EXPECT_EQ(security.run_as_user().value(), 5);
  EXPECT_EQ(security.run_as_group().value(), 2);
  EXPECT_FALSE(OwnSecurity("").has_run_as_user());
}

TEST(ContainerConfig, PassesOnWhatItMayDo) {
  cri::LinuxContainerSecurityContext security = OwnSecurity(
      "allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {add: "
      "[NET_ADMIN], drop: [ALL]}");
  EXPECT_TRUE(security.no_new_privs());
  EXPECT_TRUE(security.readonly_rootfs());
  EXPECT_FALSE(security.privileged());
  EXPECT_THAT(security.capabilities().add_capabilities(), ElementsAre("NET_ADMIN"));
  EXPECT_THAT(security.capabilities().drop_capabilities(), ElementsAre("ALL"));
  EXPECT_THAT(security.masked_paths(), testing::Contains("/proc/kcore"));
  EXPECT_THAT(security.readonly_paths(), testing::Contains("/proc/sys"));
  security = OwnSecurity("privileged: true");
  EXPECT_TRUE(security.privileged());
  EXPECT_FALSE(security.no_new_privs());
  EXPECT_THAT(security.masked_paths(), IsEmpty());
  EXPECT_THAT(security.readonly_paths(), IsEmpty());
  EXPECT_FALSE(OwnSecurity("allowPrivilegeEscalation: true").no_new_privs());
  security = Security("hostNetwork: true\nhostPID: true");
  EXPECT_EQ(security.namespace_options().network(), cri::NODE);
  EXPECT_EQ(security.namespace_options().pid(), cri::NODE);
}

TEST(ContainerConfig, TakesItsProfilesFromItselfThePodOrTheNode) {
  const auto type = [](const cri::LinuxContainerSecurityContext& security) {
    return security.seccomp().profile_type();
  };
  EXPECT_EQ(type(OwnSecurity("")), cri::SecurityProfile::Unconfined);
  NodeSettings strict = Node();
  strict.seccomp_default = true;
  EXPECT_EQ(type(Security("", strict)), cri::SecurityProfile::RuntimeDefault);
  EXPECT_EQ(type(Security("securityContext: {seccompProfile: {type: RuntimeDefault}}")),
            cri::SecurityProfile::RuntimeDefault);
  EXPECT_EQ(type(Security("securityContext: {seccompProfile: {type: Unconfined}}", strict)),
            cri::SecurityProfile::Unconfined);
  const cri::LinuxContainerSecurityContext own =
      OwnSecurity("seccompProfile: {type: Localhost, localhostProfile: a/b.json}",
                  "securityContext: {seccompProfile: {type: RuntimeDefault}}");
  EXPECT_EQ(type(own), cri::SecurityProfile::Localhost);
  EXPECT_EQ(own.seccomp().localhost_ref(), "/var/lib/kubelet/seccomp/a/b.json");
  EXPECT_EQ(type(OwnSecurity("privileged: true, seccompProfile: {type: RuntimeDefault}")),
            cri::SecurityProfile::Unconfined);
  EXPECT_EQ(OwnSecurity("appArmorProfile: {type: Localhost, localhostProfile: mine}")
                .apparmor()
                .localhost_ref(),
            "mine");
  EXPECT_EQ(OwnSecurity("seLinuxOptions: {level: 's0:c1'}").selinux_options().level(), "s0:c1");
}

TEST(ContainerConfig, KeepsToRunAsNonRoot) {
  struct Case {
    std::string_view name;
    std::string own, shared;
    ContainerInputs inputs;
    std::string error;  // empty: it may run
  };
  const ContainerInputs root{.image_user_is_root = true}, named{.image_user_name = "nginx"},
      number{};
  const Case cases[] = {
      {"not asked for", "", "", root, ""},
      {"an image that runs as a number", "runAsNonRoot: true", "", number, ""},
      {"as root", "runAsNonRoot: true", "", root, "image will run as root"},
      {"as a name", "runAsNonRoot: true", "", named, "non-numeric user (nginx)"},
      {"a number of one's own", "runAsNonRoot: true, runAsUser: 5", "", root, ""},
      {"the pod's number", "runAsNonRoot: true", "runAsUser: 5", named, ""},
      {"zero", "runAsNonRoot: true, runAsUser: 0", "runAsUser: 5", number,
       "runAsUser breaks non-root policy"},
      {"asked for by the pod", "", "runAsNonRoot: true", root, "image will run as root"},
      {"and not by the container", "runAsNonRoot: false", "runAsNonRoot: true", root, ""},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const kube::Pod pod = TestPod("containers:\n- {name: a, image: b, securityContext: {" + c.own +
                                  "}}\nsecurityContext: {" + c.shared + "}");
    const base::Result<cri::ContainerConfig> config = Configure(pod, c.inputs);
    EXPECT_EQ(config.ok(), c.error.empty());
    if (!config.ok()) {
      EXPECT_THAT(config.error().message(), HasSubstr(c.error));
    }
  }
}

TEST(ContainerConfig, CarriesItsShareOfTheNode) {
  const cri::LinuxContainerResources resources =
      Configure(TestPod("containers: [{name: a, image: b, resources: {limits: {cpu: 1, memory: "
                        "1Gi}, requests: {cpu: 500m, memory: 800Mi}}}]"))
          .value()
          .linux()
          .resources();
  EXPECT_EQ(resources.cpu_shares(), 512);
  EXPECT_EQ(resources.cpu_quota(), 100000);
  EXPECT_EQ(resources.cpu_period(), 100000);
  EXPECT_EQ(resources.memory_limit_in_bytes(), 1 << 30);
  EXPECT_EQ(resources.oom_score_adj(), 1000 - 1000 * 800 / 8192);
  EXPECT_EQ(Configure(TestPod("containers: [{name: a, image: b}]"))
                .value()
                .linux()
                .resources()
                .oom_score_adj(),
            1000);
}

TEST(ContainerConfig, TheNodeSaysHowLimitsAreKept) {
  const kube::Pod pod = TestPod(
      "containers: [{name: a, image: b, resources: {limits: {cpu: 1, memory: 1Gi, hugepages-2Mi: "
      "4Mi}}}]");
  NodeSettings node = Node();
  const auto resources = [&] { return Configure(pod, {}, node).value().linux().resources(); };
  EXPECT_EQ(resources().unified().size(), 0u);
  EXPECT_EQ(resources().hugepage_limits_size(), 0);
  node.oom_group = "1";
  EXPECT_THAT(resources().unified(), UnorderedElementsAre(Pair("memory.oom.group", "1")));
  node.oom_group = "0";
  EXPECT_THAT(resources().unified(), UnorderedElementsAre(Pair("memory.oom.group", "0")));
  node.cpu_quota = {.enforced = true, .period = 20000};
  EXPECT_EQ(resources().cpu_quota(), 20000);
  EXPECT_EQ(resources().cpu_period(), 20000);
  EXPECT_EQ(SandboxConfig(pod, node, "/p", 0)->linux().resources().cpu_quota(), 20000);
  node.cpu_quota.enforced = false;
  EXPECT_EQ(resources().cpu_quota(), 0);
  EXPECT_EQ(resources().cpu_period(), 0);
  EXPECT_EQ(SandboxConfig(pod, node, "/p", 0)->linux().resources().cpu_quota(), 0);
  node.capacity.huge_pages = {{"hugepages-1Gi", 0}, {"hugepages-2Mi", 64 << 20}};
  const cri::LinuxContainerResources pages = resources();
  ASSERT_EQ(pages.hugepage_limits_size(), 2);
  EXPECT_EQ(pages.hugepage_limits(0).page_size(), "1GB");
  EXPECT_EQ(pages.hugepage_limits(0).limit(), 0u);
  EXPECT_EQ(pages.hugepage_limits(1).page_size(), "2MB");
  EXPECT_EQ(pages.hugepage_limits(1).limit(), uint64_t{4} << 20);
}

TEST(ContainerConfig, TellsWhatItsEnvironmentLacks) {
  const base::Result<cri::ContainerConfig> config =
      Configure(TestPod("containers: [{name: a, image: b, envFrom: [{configMapRef: {name: c}}]}]"));
  ASSERT_FALSE(config.ok());
  EXPECT_EQ(config.error().message(), "configmap \"c\" not found");
}

}  // namespace
}  // namespace keelson::pod
