// SPDX-License-Identifier: Apache-2.0
// keelson-runtime as its users meet it: a process behind a socket, an image of several layers, pods
// that outlive it.
#include <signal.h>

#include "lib/base/testing/places.h"
#include "lib/os/files.h"
#include "tests/component/node_fixture.h"

namespace keelson::node_test {
namespace {

class RuntimeDaemon : public NodeTest {
 protected:
  void SetUp() override {
    NodeTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    LoadImage("busybox");
    StartRuntime();
  }
  std::string RunPod(const std::string& name) {
    sandbox_.mutable_metadata()->set_name(name);
    sandbox_.mutable_metadata()->set_uid("uid-" + name);
    sandbox_.mutable_metadata()->set_namespace_("default");
    sandbox_.set_hostname(name);
    sandbox_.set_log_directory(logs() + "/" + name);
    sandbox_.mutable_linux()->set_cgroup_parent(cgroup_root_ + "/" + name);
    const base::Result<std::string> id = Runtime().RunPodSandbox(sandbox_, "");
    EXPECT_TRUE(id.ok()) << (id.ok() ? "" : id.error().message());
    return id.ok() ? *id : "";
  }
  std::string RunScript(const std::string& pod, const std::string& name,
                        const std::string& script) {
    cri::ContainerConfig config;
    config.mutable_metadata()->set_name(name);
    config.mutable_image()->set_image("docker.io/library/busybox:demo");
    for (const std::string& word : {std::string("sh"), std::string("-c"), script})
      config.add_command(word);
    config.set_log_path(name + ".log");
    const base::Result<std::string> id = Runtime().CreateContainer(pod, config, sandbox_);
    EXPECT_TRUE(id.ok()) << (id.ok() ? "" : id.error().message());
    if (!id.ok()) return "";
    const base::Status started = Runtime().StartContainer(*id);
    EXPECT_TRUE(started.ok()) << (started.ok() ? "" : started.error().message());
    return *id;
  }
  cri::PodSandboxConfig sandbox_;
};

TEST_F(RuntimeDaemon, RunsAnImageOfSeveralLayers) {
  const std::string pod = RunPod("web");
  const std::string id = RunScript(pod, "say", "echo hello; exit 7");
  ASSERT_TRUE(Eventually(
      [&] { return Runtime().ContainerStatus(id).value().state() == cri::CONTAINER_EXITED; }));
  EXPECT_EQ(Runtime().ContainerStatus(id).value().exit_code(), 7);
  EXPECT_TRUE(Eventually([&] {  // an exit may be told before the log is written
    return os::ReadFile(logs() + "/web/say.log").ValueOr("").find(" stdout F hello\n") !=
           std::string::npos;
  }));
  const auto listed = Runtime().ListImages().value();
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_EQ(listed[0].repo_tags(0), "docker.io/library/busybox:demo");
}

TEST_F(RuntimeDaemon, ItsContainersOutliveItsDeath) {
  const std::string pod = RunPod("web");
  const std::string lives =
      RunScript(pod, "lives", "i=0; while true; do echo line $i; i=$((i+1)); sleep 0.01; done");
  const std::string ends = RunScript(pod, "ends", "sleep 0.3; echo going; exit 42");
  StopRuntime(SIGKILL);
  ASSERT_TRUE(Eventually([&] {
    const auto log_has = [&](const std::string& name, const std::string& text) {
      return os::ReadFile(logs() + "/web/" + name + ".log").ValueOr("").find(text) !=
             std::string::npos;
    };
    return log_has("lives", "line 60\n") && log_has("ends", "going\n");
  }));
  StartRuntime();
  EXPECT_EQ(Runtime().ContainerStatus(lives).value().state(), cri::CONTAINER_RUNNING);
  EXPECT_TRUE(Eventually(
      [&] { return Runtime().ContainerStatus(ends).value().state() == cri::CONTAINER_EXITED; }));
  EXPECT_EQ(Runtime().ContainerStatus(ends).value().exit_code(), 42);
  EXPECT_EQ(Runtime().ExecSync(lives, {"echo", "here"}, std::chrono::seconds(60)).value().stdout(),
            "here\n");
  EXPECT_TRUE(Runtime().StopContainer(lives, std::chrono::seconds(1)).ok());
  const std::string log = os::ReadFile(logs() + "/web/lives.log").value();
  int expected = 0;
  for (size_t at = 0; (at = log.find("line ", at)) != std::string::npos; at += 5, ++expected) {
    ASSERT_EQ(std::stoi(log.substr(at + 5)), expected) << "a line is lost or doubled";
  }
  EXPECT_GT(expected, 60);
}

TEST_F(RuntimeDaemon, RefusesASecondDaemonOnItsFolders) {
  const base::Result<os::CommandResult> second = os::RunCommand(
      {.argv = {base::BinDir() + "/keelson-runtime", "--state-dir", state(), "--run-dir", run()}},
      "", std::chrono::seconds(60));
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(second->status.code(), 1);
  EXPECT_NE(second->err.find("another keelson-runtime uses " + run()), std::string::npos)
      << second->err;
}

TEST_F(RuntimeDaemon, AnothersCleanUpLeavesItsPodsAlone) {
  sandbox_.mutable_metadata()->set_name("p");
  sandbox_.mutable_metadata()->set_uid("u");
  sandbox_.mutable_metadata()->set_namespace_("default");
  const std::string pod =
      Runtime().RunPodSandbox(sandbox_, "").value();  // in the group that all daemons share
  const std::string id = RunScript(pod, "c", "while true; do sleep 1; done");
  const os::CommandResult other =
      Command({base::BinDir() + "/keelson-runtime", "--state-dir", state() + "-other", "--run-dir",
               run() + "-o", "--bridge", "klother0", "--pod-subnet", "10.204.9.0/24",
               "--pod-network", "10.204.0.0/16", "cleanup"},
              std::chrono::seconds(60));
  EXPECT_EQ(other.status.code(), 0) << other.err;
  EXPECT_EQ(Runtime().ContainerStatus(id).value().state(), cri::CONTAINER_RUNNING);
  EXPECT_EQ(Runtime().ExecSync(id, {"echo", "here"}, std::chrono::seconds(60)).value().stdout(),
            "here\n");
  EXPECT_TRUE(Runtime().RemovePodSandbox(pod).ok());
  EXPECT_TRUE(os::RemoveTree(run() + "-o").ok());
}

}  // namespace
}  // namespace keelson::node_test
