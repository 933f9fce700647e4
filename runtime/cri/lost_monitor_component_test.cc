// SPDX-License-Identifier: Apache-2.0
// Monitors that die where nobody looks.
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>

#include <future>

#include "runtime/cri/testing/runtime_fixture.h"

namespace keelson::cri_server {
namespace {

// A pod's monitor dies as soon as it was made; the daemon has been told when it gets it.
class MortalAnchor final : public monitor::Anchor {
 public:
  explicit MortalAnchor(std::unique_ptr<monitor::Anchor> real) : real_(std::move(real)) {}
  base::Result<std::unique_ptr<monitor::MonitorClient>> StartMonitor(
      const monitor::PodSetup& setup, const monitor::PodNamespaces& namespaces,
      monitor::MonitorClient::ExitHandler on_exit,
      monitor::MonitorClient::LostHandler on_lost) override {
    const auto told = std::make_shared<std::promise<void>>();
    auto made = real_->StartMonitor(setup, namespaces, std::move(on_exit),
                                    [told, on_lost = std::move(on_lost)] {
                                      on_lost();
                                      told->set_value();
                                    });
    if (!made.ok()) return made;
    EXPECT_TRUE((*made)->ListContainers().ok());  // it has begun, and taken the connection
    // What it has just forked for its log process bears its name for a moment.
    std::vector<pid_t> monitors;
    while ((monitors = ProcessesOf("keelson-monitor", setup.sandbox_id)).size() > 1)
      (void)poll(nullptr, 0, 5);
    EXPECT_EQ(monitors.size(), 1u);
    for (const pid_t pid : monitors) EXPECT_EQ(kill(pid, SIGKILL), 0);
    if (testing::Test::HasFailure()) return made;
    told->get_future().wait();
    (void)poll(nullptr, 0,
               50);  // for whoever was told, so that a daemon that forgets has forgotten
    return made;
  }
  base::Result<std::unique_ptr<monitor::MonitorClient>> AdoptMonitor(
      const monitor::PodSetup& setup, monitor::MonitorClient::ExitHandler on_exit,
      monitor::MonitorClient::LostHandler on_lost) override {
    return real_->AdoptMonitor(setup, std::move(on_exit), std::move(on_lost));
  }
  base::Status ReplaceMonitor(const std::string& id) override { return real_->ReplaceMonitor(id); }
  base::Status Drop(const std::string& id) override { return real_->Drop(id); }
  base::Status Stop() override { return real_->Stop(); }

 private:
  std::unique_ptr<monitor::Anchor> real_;
};

TEST_F(RuntimeTest, RunPodSandbox_WhoseMonitorDiesMeanwhileHasItsSuccessor) {
  runtime_.reset();
  anchor_ = std::make_unique<MortalAnchor>(std::move(anchor_));
  MakeRuntime();
  ASSERT_TRUE(runtime_->Recover().ok());
  const std::string pod = Start("p");
  ASSERT_NE(pod, "");
  const std::string id = runtime_->CreateContainer(pod, Script("c", "exit 3")).value();
  EXPECT_TRUE(Eventually([&] { return runtime_->StartContainer(id).ok(); }));
  EXPECT_EQ(WaitForExit(id).exit_code, 3);
}

}  // namespace
}  // namespace keelson::cri_server
