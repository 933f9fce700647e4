// SPDX-License-Identifier: Apache-2.0
// Class T: words of a request, an image or an annotation that would like to be more than words.
#include "tests/security/security_case.h"

namespace keelson::security_tests {
namespace {

class TrustCase : public SecurityCase {
 protected:
  std::string PodRefusal(const cri::PodSandboxConfig& config) {
    const base::Result<std::string> id = runtime_->RunPodSandbox(config, "");
    if (!id.ok()) return std::string(id.error().message());
    EXPECT_TRUE(runtime_->RemovePodSandbox(*id).ok());
    return "";
  }
};

using Cve_2022_0811 = TrustCase;
TEST_F(Cve_2022_0811, ASysctlIsOneOfThePodsOwnAndItsValueOneLine) {
  Watch();
  for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{
           {"kernel.core_pattern", "|/x"},
           {"kernel/core_pattern", "|/x"},
           {"kernel.shm_rmid_forced", "1+kernel.core_pattern=|/x\n"},
           {"kernel.shmmax", "1\n2"},
           {"kernel.shmmax", std::string("1\0002", 3)},
           {"net.ipv4.ip_forward+kernel.core_pattern", "|/x"},
           {"net/../kernel/core_pattern", "|/x"},
           {"net.ipv4.conf/../../../kernel/core_pattern", "|/x"},
           {"vm.overcommit_memory", "1"},
           {"", "1"}}) {
    cri::PodSandboxConfig config = Pod("p");
    (*config.mutable_linux()->mutable_sysctls())[name] = value;
    EXPECT_NE(PodRefusal(config), "") << name;
    ExpectHostUntouched();
  }
  // What a '+' cannot smuggle is a value like another, and the kernel's to refuse.
  cri::PodSandboxConfig config = Pod("q");
  (*config.mutable_linux()->mutable_sysctls())["kernel.shmmax"] = "65536";
  const std::string pod = runtime_->RunPodSandbox(config, "").value();
  EXPECT_EQ(Says(pod, Next("cat /proc/sys/kernel/shmmax")), "65536\n");
}

using Cve_2022_4318 = TrustCase;
TEST_F(Cve_2022_4318, NoValueOfTheRequestMakesASecondLineInAFile) {
  Watch();
  for (const auto& spoil : std::vector<std::function<void(cri::PodSandboxConfig&)>>{
           [](auto& c) { c.mutable_dns_config()->add_servers("10.0.0.1\nsearch evil"); },
           [](auto& c) { c.mutable_dns_config()->add_searches("a\nnameserver 6.6.6.6"); },
           [](auto& c) { c.mutable_dns_config()->add_options("a\rb"); },
           [](auto& c) { c.set_hostname("a\n127.0.0.1 registry"); }}) {
    cri::PodSandboxConfig config = Pod("p");
    spoil(config);
    EXPECT_NE(PodRefusal(config), "");
  }
  // HOME, in the request or in the image: a variable, and no line of any passwd.
  Write(layer() + "/etc/passwd", "root:x:0:0::/root:/bin/sh\nweb:x:33:33::/srv:/bin/sh\n");
  const std::string pod = Start("p");
  cri::ContainerConfig config = Next("cat /etc/passwd");
  cri::KeyValue& home = *config.add_envs();
  home.set_key("HOME");
  home.set_value("/x\nevil:x:0:0::/:/bin/sh");
  SecurityOf(config).mutable_run_as_user()->set_value(4711);
  const auto said = Says(pod, config);
  if (said) {
    EXPECT_EQ(*said, "root:x:0:0::/root:/bin/sh\nweb:x:33:33::/srv:/bin/sh\n");
  }
}

using Cve_2021_43784 = TrustCase;
TEST_F(Cve_2021_43784, WhatIsLongerThanSixteenBitsArrivesWhole) {
  const std::string pod = Start("p");
  Watch();
  cri::ContainerConfig config = Next("echo ${#LONG} ${#ODD}; busybox env | busybox grep -c N_");
  cri::KeyValue& large = *config.add_envs();
  large.set_key("LONG");
  large.set_value(std::string(65536 + 17, 'x'));
  cri::KeyValue& odd = *config.add_envs();
  odd.set_key("ODD");
  odd.set_value(std::string(65531, 'y'));
  for (int i = 0; i < 300; ++i) {
    cri::KeyValue& one = *config.add_envs();
    one.set_key("N_" + std::to_string(i));
    one.set_value("v");
  }
  EXPECT_EQ(Says(pod, config), "65553 65531\n300\n");
}

using Cve_2022_23648 = TrustCase;
TEST_F(Cve_2022_23648, VolumesThatAnImageDeclaresAreNobodys) {
  images_->config().volumes = {"/../../../../.." + canary(), canary(), "/proc", "/link/../..",
                               "../../etc"};
  Link(canary(), layer() + "/link");
  const std::string pod = Start("p");
  Watch();
  const auto said = Says(pod, Next("cat /link/file " + canary() +
                                   "/file 2>/dev/null; busybox wc -l "
                                   "</proc/self/mountinfo; cat /proc/self/mountinfo"));
  ASSERT_TRUE(said);
  EXPECT_EQ(said->find("untouched"), std::string::npos) << *said;
  EXPECT_EQ(said->find("canary"), std::string::npos) << *said;
}

// What other runtimes take orders from, and a request that says the same without them.
using Cve_2024_3154 = TrustCase;
TEST_F(Cve_2024_3154, AnnotationsAreNoOrders) {
  const std::vector<std::pair<std::string, std::string>> orders = {
      {"org.systemd.property.ExecStartPre", "[['/bin/touch', '" + canary() + "/made']]"},
      {"run.oci.hooks.stderr", canary() + "/made"},
      {"run.oci.mount_context_type", "rootcontext"},
      {"run.oci.keep_original_groups", "1"},
      {"run.oci.handler", "krun"},
      {"io.kubernetes.cri-o.userns-mode", "auto"},
      {"io.kubernetes.cri-o.Devices", "/dev/kmsg:/dev/kmsg:rwm"},
      {"io.kubernetes.cri-o.umask", "000"},
      {"io.kubernetes.cri-o.ShmSize", "8Gi"},
      {"io.kubernetes.cri-o.LinkLogs", canary()},
      {"io.containerd.cri.runtime-handler", "other"},
      {"cdi.k8s.io/x", "vendor.com/card=0"},
      {"seccomp.security.alpha.kubernetes.io/pod", "unconfined"},
      {"container.apparmor.security.beta.kubernetes.io/c", "unconfined"}};
  const std::string script =
      "id; umask; ls -a / /dev; busybox env; busybox grep -e Cap -e Seccomp /proc/self/status; "
      "cat /proc/self/attr/current; busybox df -P /dev/shm | busybox awk '{print $2}'";
  cri::PodSandboxConfig plain = Pod("p"), spoilt = Pod("p");
  spoilt.mutable_metadata()->set_uid("another");
  for (const auto& [name, value] : orders) (*spoilt.mutable_annotations())[name] = value;
  const std::string pod = runtime_->RunPodSandbox(plain, "").value();
  const auto expected = Says(pod, Next(script));
  const std::string other = runtime_->RunPodSandbox(spoilt, "").value();
  Watch();
  cri::ContainerConfig config = Next(script);
  for (const auto& [name, value] : orders) (*config.mutable_annotations())[name] = value;
  ASSERT_TRUE(expected);
  EXPECT_EQ(Says(other, config), *expected);
}

using Cve_2024_8676 = TrustCase;
TEST_F(Cve_2024_8676, NothingIsRestoredFromAnArchive) {
  // Neither made nor taken: no field of an archive is ever believed.
  const std::string id = Run(Start("p"), Script("c", "while true; do sleep 1; done"));
  Watch();
  cri::CheckpointContainerRequest request;
  request.set_container_id(id);
  request.set_location(canary() + "/checkpoint.tar");
  cri::CheckpointContainerResponse response;
  const grpc::Status status = Ask(&Pods::CheckpointContainer, request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNIMPLEMENTED) << status.error_message();
}

TEST_F(Cve_2024_8676, AnImageThatSaysItIsACheckpointIsAnOrdinaryImage) {
  Write(layer() + "/spec.dump", R"({"process":{"user":{"uid":0}},"mounts":[]})");
  Write(layer() + "/config.dump", R"({"rootfsImageName":"evil"})");
  const std::string pod = Start("p");
  Watch();
  cri::ContainerConfig config = Next("id -u; ls /spec.dump");
  (*config.mutable_annotations())["org.criu.checkpoint.container.name"] = "c";
  SecurityOf(config).mutable_run_as_user()->set_value(33);
  EXPECT_EQ(Says(pod, config), "33\n/spec.dump\n");
}

}  // namespace
}  // namespace keelson::security_tests
