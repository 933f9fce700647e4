// SPDX-License-Identifier: Apache-2.0
// The sampler over groups of our own on the machine's real cgroup trees.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <future>

#include "cri-api/cri.h"
#include "cri-api/stats.pb.h"
#include "lib/base/ids.h"
#include "lib/os/files.h"
#include "runtime/stats/sampler.h"

namespace keelson::stats {
namespace {

using std::chrono::milliseconds;

class FakeSource final : public Source {
 public:
  Targets Live() const override {
    const std::lock_guard lock(mutex_);
    ++asked_;
    return targets_;
  }
  uint64_t Generation() const override {
    const std::lock_guard lock(mutex_);
    return targets_.generation;
  }
  void Set(std::vector<ContainerTargetPtr> containers, std::vector<PodTargetPtr> pods) {
    const std::lock_guard lock(mutex_);
    ++targets_.generation;
    targets_.containers = std::move(containers);
    targets_.pods = std::move(pods);
  }
  int asked() const {
    const std::lock_guard lock(mutex_);
    return asked_;
  }

 private:
  mutable std::mutex mutex_;
  Targets targets_;
  mutable int asked_ = 0;
};

class SamplerOfRealGroups : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    options_.collector.cgroups = cgroup::DetectLayout().value();
    options_.collector.shortest_rate = milliseconds(20);
    options_.period = milliseconds(50);
  }
  void TearDown() override {
    sampler_.reset();
    for (const pid_t pid : children_) {
      (void)kill(pid, SIGKILL);
      waitpid(pid, nullptr, 0);
    }
    if (geteuid() == 0) {
      EXPECT_TRUE(cgroup::Group(options_.collector.cgroups, name_).Remove().ok());
    }
  }
  // <name>/<pod>/<id> with a process that computes.
  ContainerTargetPtr Container(const std::string& id, const std::string& pod, bool busy = true) {
    auto target = std::make_shared<ContainerTarget>();
    target->id = id;
    target->sandbox_id = pod;
    target->cgroup_path = name_ + "/" + pod + "/" + id;
    const cgroup::Group group(options_.collector.cgroups, target->cgroup_path);
    EXPECT_TRUE(group.Create().ok());
    if (busy) {
      const pid_t child = fork();
      if (child == 0) {
        // Not this program itself: a sanitizer adds a thread of its own.
        execl("/bin/sh", "sh", "-c", "while :; do :; done", nullptr);
        _exit(127);
      }
      children_.push_back(child);
      for (const std::string& dir : group.V1Directories())
        EXPECT_TRUE(os::WriteControl(AT_FDCWD, dir + "/cgroup.procs", std::to_string(child)).ok());
      if (options_.collector.cgroups.v2) {
        EXPECT_TRUE(os::WriteControl(AT_FDCWD, group.UnifiedDirectory() + "/cgroup.procs",
                                     std::to_string(child))
                        .ok());
      }
    }
    return target;
  }
  PodTargetPtr Pod(const std::string& id, const std::string& path) {
    auto target = std::make_shared<PodTarget>();
    target->id = id;
    target->cgroup_path = path;
    return target;
  }
  void Start() { sampler_ = std::make_unique<Sampler>(source_, clock_, options_); }
  SnapshotPtr Ask(Scope scope = {}) {
    auto promise = std::make_shared<std::promise<SnapshotPtr>>();
    std::future<SnapshotPtr> future = promise->get_future();
    sampler_->Ask(scope, [promise](SnapshotPtr snapshot) { promise->set_value(snapshot); });
    if (future.wait_for(std::chrono::seconds(60)) != std::future_status::ready) return nullptr;
    return future.get();
  }

  const std::string name_ = "/keelson-test-stats-" + base::RandomHex(4);
  base::SystemClock clock_;
  Sampler::Options options_;
  FakeSource source_;
  std::vector<pid_t> children_;
  std::unique_ptr<Sampler> sampler_;
};

TEST_F(SamplerOfRealGroups, ABusyContainerShowsWhatItUsesAndHowFast) {
  source_.Set({Container("c1", "p1")}, {});
  Start();
  SnapshotPtr snapshot = Ask();
  ASSERT_TRUE(snapshot);
  ASSERT_EQ(snapshot->containers.size(), 1u) << "the first who asks is measured at once";
  ASSERT_TRUE(snapshot->containers[0]->usage);
  EXPECT_FALSE(snapshot->containers[0]->nano_cores) << "a rate needs two readings";
  // It may have had no core just then.
  const auto is_busy = [&] { return snapshot->containers[0]->nano_cores.value_or(0) > 10'000'000; };
  for (int i = 0; i < 6000 && !is_busy(); ++i) {
    (void)poll(nullptr, 0, 10);
    snapshot = Ask();
  }
  EXPECT_TRUE(is_busy());
  EXPECT_EQ(snapshot->containers[0]->usage->processes, 1u);
  cri::ContainerStats stats;
  ASSERT_TRUE(stats.ParseFromString(snapshot->containers[0]->message));
  EXPECT_EQ(stats.cpu().usage_nano_cores().value(), snapshot->containers[0]->nano_cores);
  EXPECT_GT(stats.cpu().timestamp(), 0);
  EXPECT_GT(stats.memory().timestamp(), 0);
}

TEST_F(SamplerOfRealGroups, ListContainerStats_AreTheLastSnapshotAndCostNoReading) {
  options_.period = std::chrono::hours(1);
  source_.Set({Container("c1", "p1", false)}, {});
  Start();
  const SnapshotPtr first = Ask();
  const int asked = source_.asked();
  for (int i = 0; i < 100; ++i) EXPECT_EQ(Ask(), first);
  EXPECT_EQ(source_.asked(), asked);
}

TEST_F(SamplerOfRealGroups, AContainerThatCameMeanwhileIsInTheNextAnswer) {
  options_.period = std::chrono::hours(1);
  const ContainerTargetPtr old = Container("c2", "p1", false);
  source_.Set({old}, {Pod("p1", name_ + "/p1")});
  Start();
  const SnapshotPtr first = Ask({.pods = true});
  source_.Set({Container("c1", "p1", false), old}, {Pod("p1", name_ + "/p1")});
  const SnapshotPtr next = Ask({.pods = true});
  ASSERT_EQ(next->containers.size(), 2u);
  EXPECT_EQ(next->containers[0]->target->id, "c1");
  EXPECT_EQ(next->containers[1], first->containers[0]) << "the others are not read again";
  ASSERT_EQ(next->pods.size(), 1u);
  EXPECT_EQ(next->pods[0]->containers.size(), 2u);
}

TEST_F(SamplerOfRealGroups, OneVanishedGroupHarmsNoOther) {
  auto gone = std::make_shared<ContainerTarget>();
  gone->id = "c0";
  gone->sandbox_id = "p0";
  gone->cgroup_path = name_ + "/never/there";
  source_.Set({gone, Container("c1", "p1", false)},
              {Pod("p0", name_ + "/never"), Pod("p1", name_ + "/p1")});
  Start();
  const SnapshotPtr snapshot = Ask({.pods = true});
  ASSERT_EQ(snapshot->containers.size(), 2u);
  EXPECT_FALSE(snapshot->containers[0]->usage);
  EXPECT_TRUE(snapshot->containers[1]->usage);
  ASSERT_EQ(snapshot->pods.size(), 2u);
  EXPECT_FALSE(snapshot->pods[0]->usage);
  EXPECT_TRUE(snapshot->pods[1]->usage);
}

TEST_F(SamplerOfRealGroups, PodsThatShareAGroupHaveTheSumOfTheirContainers) {
  source_.Set({Container("c1", "p1", false)}, {Pod("p1", name_ + "/p1"), Pod("p2", name_ + "/p1")});
  Start();
  const SnapshotPtr snapshot = Ask({.pods = true});
  ASSERT_EQ(snapshot->pods.size(), 2u);
  EXPECT_FALSE(snapshot->pods[0]->usage);
  EXPECT_EQ(snapshot->pods[0]->containers.size(), 1u);
  EXPECT_TRUE(snapshot->pods[1]->containers.empty());
}

TEST_F(SamplerOfRealGroups, EverythingIsMeasuredOnRequestOnly) {
  source_.Set({Container("c1", "p1")}, {});
  Start();
  EXPECT_FALSE(Ask()->containers[0]->processes);
  const SnapshotPtr snapshot = Ask({.pods = true, .everything = true});
  ASSERT_TRUE(snapshot->containers[0]->processes);
  EXPECT_GT(snapshot->containers[0]->processes->open_files, 0u);
  EXPECT_EQ(snapshot->containers[0]->usage->pids, std::vector<int>{children_[0]});
  EXPECT_EQ(snapshot->containers[0]->usage->threads, 1u);
}

TEST_F(SamplerOfRealGroups, NobodyAskingNothingIsReadOrKeptOpen) {
  options_.interest = milliseconds(60);
  options_.period = milliseconds(20);
  source_.Set({Container("c1", "p1", false)}, {});
  const size_t before = os::ListDir("/proc/self/fd")->size();
  Start();
  (void)Ask({.pods = true});
  for (int i = 0; i < 6000 && os::ListDir("/proc/self/fd")->size() > before; ++i)
    (void)poll(nullptr, 0, 10);
  EXPECT_EQ(os::ListDir("/proc/self/fd")->size(), before);
  const int asked = source_.asked();
  (void)poll(nullptr, 0, 100);
  EXPECT_EQ(source_.asked(), asked);
  EXPECT_EQ(Ask()->containers.size(), 1u) << "asked again it wakes up";
}

TEST_F(SamplerOfRealGroups, WhoWaitsWhenItEndsIsTold) {
  Start();
  std::atomic<int> told{0};
  for (int i = 0; i < 100; ++i) sampler_->Ask({}, [&told](const SnapshotPtr&) { ++told; });
  sampler_.reset();
  EXPECT_EQ(told, 100);
}

}  // namespace
}  // namespace keelson::stats
