// SPDX-License-Identifier: Apache-2.0
#include "cri-api/client/fake_runtime.h"

#include <poll.h>

#include "cri-api/client/runtime_contract.h"
#include "lib/base/fake_clock.h"
#include "lib/os/temp_dir.h"

namespace keelson::cri_client {
namespace {

class FakeFixture : public testing::Test {
 protected:
  FakeFixture() { fake_.AddImage(Image()); }
  FakeRuntime& Runtime() { return fake_; }
  bool Eventually(const std::function<bool()>& condition) {
    for (int i = 0; i < 30000; ++i) {
      if (condition()) return true;
      (void)poll(nullptr, 0, 2);
    }
    return condition();
  }
  std::string Image() const { return "docker.io/library/busybox:demo"; }
  std::string AbsentImage() const { return "docker.io/library/absent:demo"; }
  std::string LogRoot() const { return dir_.path(); }
  std::string CgroupParent() const { return ""; }

  const os::TempDir dir_ = os::TempDir::Create("keelson-fake").value();
  base::ManualClock clock_;
  FakeRuntime fake_{clock_};
};
INSTANTIATE_TYPED_TEST_SUITE_P(Fake, RuntimeContract, FakeFixture);

// --- what only the fake can do
class Fake : public RuntimeContract<FakeFixture> {};

TEST_F(Fake, FailsAsOftenAsTold) {
  fake_.FailNext("RunPodSandbox", base::Unavailable("not now"), 2);
  EXPECT_EQ(CodeOf(fake_.RunPodSandbox(PodConfig("web"), "")), base::Code::kUnavailable);
  EXPECT_EQ(CodeOf(fake_.RunPodSandbox(PodConfig("web"), "")), base::Code::kUnavailable);
  EXPECT_THAT(PodIds(), testing::IsEmpty());
  RunPod("web");
  EXPECT_EQ(fake_.Count("RunPodSandbox"), 3);
  EXPECT_THAT(fake_.Calls(), testing::Each("RunPodSandbox web"));
}

TEST_F(Fake, LosesAnswersButNotEffects) {
  fake_.LoseAnswer("RunPodSandbox");
  EXPECT_EQ(CodeOf(fake_.RunPodSandbox(PodConfig("web"), "")), base::Code::kUnavailable);
  EXPECT_EQ(PodIds().size(), 1u);
}

TEST_F(Fake, HoldsCallsUntilReleased) {
  fake_.Publish("nginx");
  fake_.Hold("PullImage");
  cri::ImageSpec image;
  image.set_image("nginx");
  base::Result<std::string> pulled = base::Unknown("not yet");
  std::jthread puller([&] { pulled = fake_.PullImage(image, nullptr, {}, {}); });
  ASSERT_TRUE(Eventually([&] { return fake_.Count("PullImage") == 1; }));
  EXPECT_FALSE(fake_.ImageStatus("nginx").value().has_image());
  fake_.Release("PullImage");
  puller.join();
  EXPECT_TRUE(pulled.ok());
  EXPECT_EQ(fake_.ImageStatus("nginx").value().image().id(), *pulled);

  fake_.Hold("PullImage");
  std::jthread other(
      [&](const std::stop_token& stop) { pulled = fake_.PullImage(image, nullptr, {}, stop); });
  ASSERT_TRUE(Eventually([&] { return fake_.Count("PullImage") == 2; }));
  other.request_stop();
  other.join();
  EXPECT_EQ(CodeOf(pulled), base::Code::kCancelled);
  image.set_image("nowhere");
  fake_.Release("PullImage");
  EXPECT_EQ(CodeOf(fake_.PullImage(image, nullptr, {}, {})), base::Code::kNotFound);
}

TEST_F(Fake, EndsContainersAsTheTestSays) {
  const std::string pod = RunPod("web");
  const std::string id = Start(pod, "one", kRuns);
  EXPECT_EQ(fake_.ContainerId("one"), id);
  fake_.Exit(id, 137, "OOMKilled", "at its limit");
  EXPECT_EQ(StatusOf(id).exit_code(), 137);
  EXPECT_EQ(StatusOf(id).reason(), "OOMKilled");
  EXPECT_EQ(StatusOf(id).message(), "at its limit");
  fake_.Script("two", {{.exit_code = 1}, {.start_error = "no such file"}, {}});
  EXPECT_EQ(StatusOf(Start(pod, "two", kRuns)).exit_code(), 1);
  const std::string bad = Create(pod, "two", kRuns, 1);
  EXPECT_FALSE(fake_.StartContainer(bad).ok());
  EXPECT_EQ(StatusOf(bad).exit_code(), 128);
  EXPECT_EQ(StatusOf(bad).reason(), "StartError");
  for (uint32_t attempt = 2; attempt < 4; ++attempt) {
    const std::string good = Create(pod, "two", "exit 1", attempt);
    EXPECT_TRUE(fake_.StartContainer(good).ok());
    EXPECT_EQ(StatusOf(good).state(), cri::CONTAINER_RUNNING);
  }
  const std::string runs = Start(pod, "three", kRuns);
  fake_.LoseSandbox(pod);
  EXPECT_EQ(StateOfPod(pod), cri::SANDBOX_NOTREADY);
  EXPECT_EQ(StatusOf(runs).exit_code(), 137);
}

TEST_F(Fake, EndsEventStreamsAsTheTestSays) {
  fake_.SetEventsSupported(false);
  EXPECT_EQ(CodeOf(fake_.WatchEvents({}, [](const auto&) {})), base::Code::kUnimplemented);
  fake_.SetEventsSupported(true);
  base::Status ended;
  std::jthread watcher(
      [&](const std::stop_token& stop) { ended = fake_.WatchEvents(stop, [](const auto&) {}); });
  ASSERT_TRUE(Eventually([&] { return fake_.Count("GetContainerEvents") == 2; }));
  fake_.EndEventStreams();
  watcher.join();
  EXPECT_EQ(CodeOf(ended), base::Code::kUnavailable);
}

TEST_F(Fake, GivesSessionsBelowTheUrlItWasTold) {
  fake_.SetStreamingUrl("http://127.0.0.1:7");
  cri::PortForwardRequest forward;
  forward.set_pod_sandbox_id(RunPod("web"));
  EXPECT_EQ(fake_.PortForward(forward).value(),
            "http://127.0.0.1:7/portforward/" + forward.pod_sandbox_id());
  cri::ExecRequest exec;
  exec.set_container_id("nobody");
  EXPECT_EQ(CodeOf(fake_.Exec(exec)), base::Code::kNotFound);
}

}  // namespace
}  // namespace keelson::cri_client
