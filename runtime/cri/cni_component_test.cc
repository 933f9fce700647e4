// SPDX-License-Identifier: Apache-2.0
// Whole pods whose network is made by CNI plugins: what hangs or fails there must not be felt
// elsewhere. The plugin is a script that gives an address and no link.
#include "runtime/cni/cni_network.h"
#include "runtime/cri/testing/runtime_fixture.h"
#include "runtime/network/network_choice.h"

namespace keelson::cri_server {
namespace {

constexpr char kScript[] = R"(#!/bin/sh
log=$(dirname "$0")
cat >/dev/null
[ "$CNI_COMMAND" = VERSION ] || echo "$CNI_COMMAND '$CNI_NETNS' $CNI_ARGS" >>"$log/calls"
if [ -f "$log/$CNI_COMMAND.sh" ]; then . "$log/$CNI_COMMAND.sh"; fi
case $CNI_COMMAND in
VERSION) echo '{"cniVersion":"1.1.0","supportedVersions":["1.0.0","1.1.0"]}' ;;
ADD) echo '{"cniVersion":"1.1.0","ips":[{"address":"10.9.0.2/24"},{"address":"fd09::2/64"}]}' ;;
esac
)";

class CniRuntimeTest : public RuntimeTest {
 protected:
  void SetUp() override {
    RuntimeTest::SetUp();
    if (!runtime_) return;
    signal(SIGPIPE, SIG_IGN);
    ASSERT_TRUE(os::MakeDirs(plugins(), 0755).ok());
    ASSERT_TRUE(os::MakeDirs(dir_.path() + "/net.d", 0755).ok());
    Write("scripted", kScript);
    ASSERT_TRUE(os::WriteFileAtomic(
                    dir_.path() + "/net.d/1.conflist",
                    R"({"cniVersion":"1.1.0","name":"t","plugins":[{"type":"scripted"}]})", 0644)
                    .ok());
    UsePlugins();
  }
  void TearDown() override {
    RuntimeTest::TearDown();
    brittle_.reset();
    cni_.reset();
    while (umount2((run_ + "-cni").c_str(), MNT_DETACH) == 0) {
    }
    EXPECT_TRUE(os::RemoveTree(run_ + "-cni").ok());
  }
  // A daemon whose new pods get their network from plugins; with `choose_bridge` only old ones
  // have.
  void UsePlugins(bool choose_bridge = false) {
    runtime_.reset();
    brittle_.reset();
    choice_.reset();
    cni_.reset();
    cni::CniOptions options;
    options.conf_dir = dir_.path() + "/net.d";
    options.bin_dirs = {plugins()};
    options.read_program = base::BinDir() + "/keelson-read";
    options.state_dir = dir_.path() + "/network/cni";
    options.netns_dir = run_ + "-cni";
    options.boot_id = boot_id_;
    options.ready_patience = std::chrono::milliseconds(60'000);
    options.first_pause = std::chrono::milliseconds(20);
    options.longest_pause = std::chrono::milliseconds(50);
    cni_ = cni::CniNetwork::Create(options, clock_).value();
    if (choose_bridge) {
      choice_ = std::make_unique<network::NetworkChoice>(
          *network_, std::vector<network::PodNetwork*>{cni_.get()});
    } else {
      choice_ = std::make_unique<network::NetworkChoice>(
          *cni_, std::vector<network::PodNetwork*>{network_.get()});
    }
    brittle_ = std::make_unique<BrittleNetwork>(*choice_);
    Boot();
  }
  std::string plugins() const { return dir_.path() + "/plugins"; }
  void Write(const std::string& name, const std::string& text) {
    ASSERT_TRUE(os::WriteFileAtomic(plugins() + "/" + name, text, 0755).ok());
  }
  void Erase(const std::string& name) { ASSERT_TRUE(os::RemoveFile(plugins() + "/" + name).ok()); }
  std::string Calls() { return os::ReadFile(plugins() + "/calls").ValueOr(""); }

  std::unique_ptr<cni::CniNetwork> cni_;
  std::unique_ptr<network::NetworkChoice> choice_;
};

TEST_F(CniRuntimeTest, RunPodSandbox_OfAPluginThatHangsHoldsUpItsOwnPodAlone) {
  const std::string quick = Start("quick");
  EXPECT_EQ(runtime_->GetSandbox(quick).value().record.addresses,
            (std::vector<std::string>{"10.9.0.2", "fd09::2"}));
  Write(
      "ADD.sh",
      R"(case $CNI_ARGS in *NAME=slow*) until [ -e "$log/enough" ]; do sleep 0.05; done ;; esac)");
  base::Result<std::string> slow = base::Unknown("not yet");
  std::thread hanging([&] { slow = runtime_->RunPodSandbox(Pod("slow"), ""); });
  EXPECT_TRUE(Eventually([&] {
    return runtime_->Describe().find("ADD by scripted for pod default/slow, for ") !=
           std::string::npos;
  })) << runtime_->Describe();
  EXPECT_EQ(runtime_->ListSandboxes().size(), 1u);
  EXPECT_TRUE(runtime_->NetworkReady().ok());
  const std::string other = Start("other");
  EXPECT_EQ(WaitForExit(Run(other, Script("c", "exit 3"))).exit_code, 3);
  EXPECT_TRUE(runtime_->StopPodSandbox(other).ok());
  EXPECT_NE(runtime_->Describe().find("ADD by scripted for pod default/slow"), std::string::npos)
      << "it hangs no more";
  Write("enough", "");
  hanging.join();
  EXPECT_TRUE(slow.ok());
  EXPECT_EQ(runtime_->ListSandboxes().size(), 3u);
}

TEST_F(CniRuntimeTest, StopPodSandbox_WhoseDelFailsEndsAndTheDelIsDoneLater) {
  const std::string pod = Start("web");
  Write("DEL.sh", "echo '{\"code\":7,\"msg\":\"the store is away\"}'; exit 1");
  EXPECT_TRUE(runtime_->StopPodSandbox(pod).ok());
  EXPECT_TRUE(runtime_->RemovePodSandbox(pod).ok());
  EXPECT_EQ(cni_->owed(), 1u);
  EXPECT_NE(runtime_->Describe().find("DEL owed for pod default/web"), std::string::npos);
  Erase("DEL.sh");
  EXPECT_TRUE(Eventually([&] { return cni_->owed() == 0; }));
  EXPECT_TRUE(os::ListDir(run_ + "-cni").value().empty());
}

TEST_F(CniRuntimeTest, StopPodSandbox_AfterARebootDelRunsWithoutANamespace) {
  const std::string pod = Start("web");
  Write("DEL.sh", "exit 1");  // the last thing of this boot
  boot_id_ = "second";
  UsePlugins();
  EXPECT_EQ(runtime_->GetSandbox(pod).value().record.state, container::SandboxState::kStopped);
  Erase("DEL.sh");
  EXPECT_TRUE(Eventually([&] { return cni_->owed() == 0; }));
  EXPECT_NE(Calls().find("DEL '' IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=web"),
            std::string::npos)
      << Calls();
  EXPECT_TRUE(Eventually([&] { return Calls().find("GC ''") != std::string::npos; }));
}

TEST_F(CniRuntimeTest, StopPodSandbox_WithoutConfigurationUsesTheOneThatMadeIt) {
  const std::string pod = Start("web");
  ASSERT_TRUE(os::RemoveFile(dir_.path() + "/net.d/1.conflist").ok());
  const base::Status stopped = runtime_->StopPodSandbox(pod);
  EXPECT_TRUE(stopped.ok()) << stopped.error().message();
  EXPECT_NE(Calls().find("DEL '" + run_ + "-cni/"), std::string::npos) << Calls();
  EXPECT_EQ(cni_->owed(), 0u);
}

TEST_F(CniRuntimeTest, RunPodSandbox_WhoseAddFailsLeavesNothingForStopPodSandbox) {
  Write("ADD.sh", "echo '{\"code\":7,\"msg\":\"no address is free\"}'; exit 1");
  const base::Result<std::string> pod = runtime_->RunPodSandbox(Pod("web"), "");
  ASSERT_FALSE(pod.ok());
  EXPECT_NE(pod.error().message().find("no address is free"), std::string::npos);
  EXPECT_TRUE(runtime_->ListSandboxes().empty());
  EXPECT_TRUE(os::ListDir(run_ + "-cni").value().empty());
  EXPECT_NE(Calls().find("DEL '"), std::string::npos) << "what it did before it failed is undone";
  EXPECT_TRUE(Eventually([&] { return cni_->owed() == 0; }));
  // The kubelet's clean-up, and its next try.
  EXPECT_TRUE(runtime_->StopPodSandbox("0123456789ab").ok());
  Erase("ADD.sh");
  EXPECT_NE(Start("web"), "");
}

TEST_F(CniRuntimeTest, APodStaysWithTheNetworkThatMadeItAndTheHostsNetworkIsNobodys) {
  const std::string old = Start("old");
  cri::PodSandboxConfig config = Pod("host");
  config.mutable_linux()->mutable_security_context()->mutable_namespace_options()->set_network(
      cri::NODE);
  const std::string host = runtime_->RunPodSandbox(config, "").value();
  EXPECT_TRUE(runtime_->StopPodSandbox(host).ok());
  EXPECT_EQ(Calls().find("NAME=host"), std::string::npos);
  UsePlugins(true);
  const std::string fresh = Start("fresh");
  EXPECT_EQ(runtime_->GetSandbox(fresh).value().record.addresses.at(0), "10.201.7.2");
  EXPECT_EQ(runtime_->GetSandbox(old).value().record.addresses.at(0), "10.9.0.2");
  EXPECT_TRUE(runtime_->RemovePodSandbox(old).ok());
  EXPECT_NE(Calls().find("DEL '" + run_ + "-cni/kl-" + old.substr(0, 32)), std::string::npos)
      << Calls();
  EXPECT_EQ(Calls().find("NAME=fresh"), std::string::npos);
}

}  // namespace
}  // namespace keelson::cri_server
