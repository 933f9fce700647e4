// SPDX-License-Identifier: Apache-2.0
#include "kubelet/probe/probes.h"

#include <gmock/gmock.h>

#include <condition_variable>
#include <deque>

#include "lib/base/fake_clock.h"

namespace keelson::probe {
namespace {

using std::chrono::seconds;

// Answers what it is told, by the path of the probe; can hold answers back.
class FakeProber final : public Prober {
 public:
  Answer Probe(const kube::Probe& probe, const Target& target) override {
    const std::string path = std::get<kube::HttpGetAction>(probe.action).path;
    std::unique_lock lock(mutex_);
    ++asked_[path];
    last_address_ = target.address;
    most_ = std::max(most_, ++running_[path]);
    changed_.notify_all();
    changed_.wait(lock, [this] { return !hold_; });
    --running_[path];
    auto& answers = answers_[path];
    if (answers.size() > 1) {
      const Outcome outcome = answers.front();
      answers.pop_front();
      return {outcome, "told so"};
    }
    return {answers.empty() ? Outcome::kSuccess : answers.front(), "told so"};
  }
  base::Status Hook(const kube::LifecycleHandler&, const Target&, seconds) override {
    return base::Ok();
  }

  // The last one is given again and again.
  void Tell(const std::string& path, std::deque<Outcome> answers) {
    const std::lock_guard lock(mutex_);
    answers_[path] = std::move(answers);
  }
  void Hold(bool hold) {
    const std::lock_guard lock(mutex_);
    hold_ = hold;
    changed_.notify_all();
  }
  bool AwaitAsked(const std::string& path, int times) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, seconds(30), [&] { return asked_[path] >= times; });
  }
  int Asked(const std::string& path) {
    const std::lock_guard lock(mutex_);
    return asked_[path];
  }
  int MostAtOnce() {
    const std::lock_guard lock(mutex_);
    return most_;
  }
  std::string LastAddress() {
    const std::lock_guard lock(mutex_);
    return last_address_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, std::deque<Outcome>> answers_;
  std::map<std::string, int> asked_;
  std::map<std::string, int> running_;
  std::string last_address_;
  int most_ = 0;
  bool hold_ = false;
};

kube::Probe At(const std::string& path, int period, int failure_threshold = 1) {
  kube::Probe probe;
  kube::HttpGetAction action;
  action.path = path;
  probe.action = action;
  probe.period_seconds = period;
  probe.failure_threshold = failure_threshold;
  return probe;
}

class ProbesTest : public testing::Test {
 protected:
  ~ProbesTest() override { prober_.Hold(false); }

  Probes::Watched Watched(const std::string& id = "c1", const std::string& pod = "p1") {
    Probes::Watched watched;
    watched.pod_uid = pod;
    watched.container_id = id;
    watched.address = "10.0.0.7";
    watched.container.name = "web";
    watched.started_at = clock_.WallNanos();
    return watched;
  }
  void Advance(seconds by) {
    clock_.Advance(by);
    probes_.Wake();
  }
  // Health changes are told after they can be read, so this waits for what is told.
  bool AwaitChanges(size_t count) {
    return Await([&] { return changes_.size() >= count; });
  }
  bool AwaitTexts(size_t count) {
    return Await([&] { return texts_.size() >= count; });
  }
  bool Await(const std::function<bool()>& condition) {
    std::unique_lock lock(mutex_);
    return told_.wait_for(lock, seconds(30), condition);
  }

  base::ManualClock clock_;
  FakeProber prober_;
  std::mutex mutex_;
  std::condition_variable told_;
  std::vector<std::string> changes_;
  std::vector<std::string> texts_;
  async::Executor executor_{8};
  Probes probes_{
      prober_, executor_, clock_,
      [this](const std::string& pod) {
        const std::lock_guard lock(mutex_);
        changes_.push_back(pod);
        told_.notify_all();
      },
      [this](const std::string& pod, const std::string& container, const std::string& text) {
        const std::lock_guard lock(mutex_);
        texts_.push_back(pod + " " + container + " " + text);
        told_.notify_all();
      }};
};

TEST_F(ProbesTest, UnknownContainersAreNeitherStartedNorReady) {
  EXPECT_FALSE(probes_.Of("c1").started);
  EXPECT_FALSE(probes_.Of("c1").ready);
  probes_.Watch(Watched());
  EXPECT_TRUE(probes_.Of("c1").started) << "without probes";
  EXPECT_TRUE(probes_.Of("c1").ready);
  probes_.Forget("c1");
  EXPECT_FALSE(probes_.Of("c1").started);
}

TEST_F(ProbesTest, ReadinessComesAndGoes) {
  prober_.Tell("/ready", {Outcome::kSuccess, Outcome::kFailure});
  auto watched = Watched();
  watched.container.readiness_probe = At("/ready", 10);
  probes_.Watch(watched);
  ASSERT_TRUE(AwaitChanges(1));
  EXPECT_TRUE(probes_.Of("c1").ready);
  EXPECT_EQ(prober_.LastAddress(), "10.0.0.7");
  Advance(seconds(10));
  ASSERT_TRUE(AwaitChanges(2));
  EXPECT_FALSE(probes_.Of("c1").ready);
  EXPECT_THAT(changes_, testing::ElementsAre("p1", "p1"));
  EXPECT_THAT(texts_, testing::ElementsAre("p1 web Readiness probe failed: told so"));
}

TEST_F(ProbesTest, LivenessFailureIsSaidOnceAndStopsTheProbe) {
  prober_.Tell("/live", {Outcome::kFailure});
  auto watched = Watched();
  watched.container.liveness_probe = At("/live", 5, 2);
  probes_.Watch(watched);
  ASSERT_TRUE(AwaitTexts(1));
  EXPECT_FALSE(probes_.Of("c1").kill);
  Advance(seconds(5));
  ASSERT_TRUE(AwaitChanges(1));
  ASSERT_TRUE(probes_.Of("c1").kill);
  EXPECT_EQ(probes_.Of("c1").kill->message, "Liveness probe failed: told so");
  Advance(seconds(3600));
  auto other = Watched("c2");  // a later container, to know that the timer has been round
  other.container.readiness_probe = At("/other", 10);
  probes_.Watch(other);
  ASSERT_TRUE(prober_.AwaitAsked("/other", 1));
  EXPECT_EQ(prober_.Asked("/live"), 2);
}

TEST_F(ProbesTest, StartupFirstThenTheOthers) {
  prober_.Tell("/start", {Outcome::kFailure, Outcome::kSuccess});
  auto watched = Watched();
  watched.container.startup_probe = At("/start", 2, 30);
  watched.container.readiness_probe = At("/ready", 60);
  watched.container.liveness_probe = At("/live", 60);
  probes_.Watch(watched);
  ASSERT_TRUE(AwaitTexts(1));
  EXPECT_EQ(prober_.Asked("/ready"), 0);
  Advance(seconds(2));
  ASSERT_TRUE(AwaitChanges(2));
  EXPECT_TRUE(probes_.Of("c1").started);
  EXPECT_TRUE(probes_.Of("c1").ready);
  EXPECT_EQ(prober_.Asked("/live"), 0);
  Advance(seconds(58));
  EXPECT_TRUE(prober_.AwaitAsked("/live", 1));
}

TEST_F(ProbesTest, ErrorsAreTriedThreeTimesAndSaid) {
  prober_.Tell("/ready", {Outcome::kError});
  auto watched = Watched();
  watched.container.readiness_probe = At("/ready", 10);
  watched.was_ready = true;
  probes_.Watch(watched);
  ASSERT_TRUE(AwaitTexts(1));
  EXPECT_EQ(prober_.Asked("/ready"), 3);
  EXPECT_TRUE(probes_.Of("c1").ready);
  EXPECT_TRUE(changes_.empty());
}

TEST_F(ProbesTest, NeverTwoOfOneProbeAtOnce) {
  prober_.Hold(true);
  auto watched = Watched();
  watched.container.readiness_probe = At("/ready", 1);
  probes_.Watch(watched);
  ASSERT_TRUE(prober_.AwaitAsked("/ready", 1));
  Advance(seconds(10));
  auto other = Watched("c2");
  other.container.readiness_probe = At("/other", 1);
  probes_.Watch(other);
  ASSERT_TRUE(prober_.AwaitAsked("/other", 1)) << "others go on meanwhile";
  EXPECT_EQ(prober_.Asked("/ready"), 1);
  prober_.Hold(false);
  ASSERT_TRUE(prober_.AwaitAsked("/ready", 2));
  EXPECT_EQ(prober_.MostAtOnce(), 1);
}

TEST_F(ProbesTest, WhatIsForgottenDoesNotSpeak) {
  prober_.Hold(true);
  prober_.Tell("/a", {Outcome::kFailure});
  auto watched = Watched();
  watched.container.liveness_probe = At("/a", 1);
  probes_.Watch(watched);
  ASSERT_TRUE(prober_.AwaitAsked("/a", 1));
  probes_.ForgetPod("p1");
  auto other = Watched("c2", "p2");
  other.container.readiness_probe = At("/b", 1);
  probes_.Watch(other);
  ASSERT_TRUE(prober_.AwaitAsked("/b", 1));
  prober_.Hold(false);
  ASSERT_TRUE(AwaitChanges(1));
  EXPECT_THAT(changes_, testing::ElementsAre("p2"));
  EXPECT_THAT(texts_, testing::IsEmpty());
  EXPECT_FALSE(probes_.Of("c1").kill);
}

TEST_F(ProbesTest, WatchingAgainChangesNothing) {
  auto watched = Watched();
  watched.container.readiness_probe = At("/ready", 10);
  probes_.Watch(watched);
  ASSERT_TRUE(AwaitChanges(1));
  probes_.Watch(watched);
  EXPECT_TRUE(probes_.Of("c1").ready);
}

TEST_F(ProbesTest, DeletedPodsKeepTheirReadiness) {
  auto watched = Watched();
  watched.container.readiness_probe = At("/ready", 10);
  watched.container.liveness_probe = At("/live", 10);
  probes_.Watch(watched);
  ASSERT_TRUE(AwaitChanges(1));
  ASSERT_TRUE(prober_.AwaitAsked("/live", 1));
  probes_.EndLivenessAndStartup("p1");
  Advance(seconds(10));
  ASSERT_TRUE(prober_.AwaitAsked("/ready", 2));
  EXPECT_EQ(prober_.Asked("/live"), 1);
}

TEST_F(ProbesTest, ManyContainersAreAllAsked) {
  for (int i = 0; i < 300; ++i) {
    auto watched = Watched("c" + std::to_string(i), "p" + std::to_string(i));
    watched.container.readiness_probe = At("/" + std::to_string(i), 10);
    watched.spread = true;
    probes_.Watch(watched);
  }
  Advance(seconds(10));
  EXPECT_TRUE(AwaitChanges(300));
}

}  // namespace
}  // namespace keelson::probe
