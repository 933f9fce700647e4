// SPDX-License-Identifier: Apache-2.0
#include "kubelet/node_api/cri_streams.h"

#include <gtest/gtest.h>

#include "cri-api/client/fake_runtime.h"
#include "kubelet/node_api/cri_figures.h"
#include "kubelet/pod/names.h"
#include "lib/base/fake_clock.h"
#include "lib/os/temp_dir.h"

namespace keelson::node_api {
namespace {

struct CriViews : testing::Test {
  CriViews() {
    runtime.AddImage("image");
    runtime.SetStreamingUrl("http://127.0.0.1:7");
  }
  std::string RunPod(const std::string& name, const std::string& uid, uint32_t attempt = 0) {
    config.Clear();
    config.mutable_metadata()->set_name(name);
    config.mutable_metadata()->set_namespace_("default");
    config.mutable_metadata()->set_uid(uid);
    config.mutable_metadata()->set_attempt(attempt);
    config.set_log_directory(dir.path());
    (*config.mutable_labels())[pod::kPodNameLabel] = name;
    (*config.mutable_labels())[pod::kPodNamespaceLabel] = "default";
    (*config.mutable_labels())[pod::kPodUidLabel] = uid;
    return runtime.RunPodSandbox(config, "").value();
  }
  std::string RunContainer(const std::string& sandbox, const std::string& name, uint32_t attempt) {
    cri::ContainerConfig container;
    container.mutable_metadata()->set_name(name);
    container.mutable_metadata()->set_attempt(attempt);
    container.mutable_image()->set_image("image");
    container.set_log_path(name + std::to_string(attempt) + ".log");
    *container.mutable_labels() = config.labels();
    (*container.mutable_labels())[pod::kContainerNameLabel] = name;
    const std::string id = runtime.CreateContainer(sandbox, container, config).value();
    EXPECT_TRUE(runtime.StartContainer(id).ok());
    return id;
  }

  const os::TempDir dir = os::TempDir::Create("keelson-streams").value();
  base::ManualClock clock;
  cri_client::FakeRuntime runtime{clock};
  cri::PodSandboxConfig config;
  CriStreams streams{runtime};
  const Wanted out{.out = true};
};

TEST_F(CriViews, FindTheNewestContainerOfThePod) {
  const std::string sandbox = RunPod("web", "u-1");
  runtime.Exit(RunContainer(sandbox, "main", 0), 1);
  const std::string second = RunContainer(sandbox, "main", 1);
  const PodRef web{"default", "web", ""};
  EXPECT_EQ(streams.Exec(web, "main", {"ls", "-l"}, out).value(),
            "http://127.0.0.1:7/exec/" + second + "/ls+-l");
  EXPECT_EQ(streams.Attach({"default", "web", "u-1"}, "main", out).value(),
            "http://127.0.0.1:7/attach/" + second);
  EXPECT_EQ(streams.PortForward(web, {80}).value(), "http://127.0.0.1:7/portforward/" + sandbox);
}

TEST_F(CriViews, TellWhatIsNotThere) {
  const std::string sandbox = RunPod("web", "u-1");
  const auto code = [](const base::Result<std::string>& result) { return result.error().code(); };
  EXPECT_EQ(code(streams.Exec({"default", "other", ""}, "main", {"ls"}, out)),
            base::Code::kNotFound);
  EXPECT_EQ(code(streams.Exec({"else", "web", ""}, "main", {"ls"}, out)), base::Code::kNotFound);
  EXPECT_EQ(code(streams.Exec({"default", "web", "u-2"}, "main", {"ls"}, out)),
            base::Code::kNotFound);
  EXPECT_EQ(streams.Exec({"default", "web", ""}, "main", {"ls"}, out).error().message(),
            "container not found (\"main\")");
  EXPECT_EQ(code(streams.PortForward({"default", "other", ""}, {})), base::Code::kNotFound);
  ASSERT_TRUE(runtime.StopPodSandbox(sandbox).ok());
  EXPECT_EQ(code(streams.PortForward({"default", "web", ""}, {})), base::Code::kFailedPrecondition);
}

TEST_F(CriViews, FiguresComeFromTheRuntimeAndTheMachine) {
  const std::string sandbox = RunPod("web", "u-1");
  const std::string container = RunContainer(sandbox, "main", 0);
  cri::PodSandboxStats stats;
  stats.mutable_attributes()->set_id(sandbox);
  *stats.mutable_attributes()->mutable_metadata() = config.metadata();
  cri::ContainerStats& of_container = *stats.mutable_linux()->add_containers();
  of_container.mutable_attributes()->set_id(container);
  of_container.mutable_attributes()->mutable_metadata()->set_name("main");
  runtime.SetStats({stats});
  const Figures figures = CriFigures(runtime, clock, "node-1").Read().value();
  EXPECT_EQ(figures.node, "node-1");
  ASSERT_EQ(figures.pods.size(), 1u);
  EXPECT_EQ(figures.pods[0].name, "web");
  EXPECT_GT(figures.pods[0].containers.at(0).started_at, figures.pods[0].started_at);
  EXPECT_GT(figures.machine.cpu.core_nanos.value_or(0), 0u);
  EXPECT_GT(figures.machine.memory.working_set.value_or(0), 0u);
  EXPECT_GT(figures.machine.started_at, 0);
  runtime.FailNext("ListPodSandboxStats", base::Unavailable("not now"));
  EXPECT_FALSE(CriFigures(runtime, clock, "node-1").Read().ok());
}

}  // namespace
}  // namespace keelson::node_api
