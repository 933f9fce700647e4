// SPDX-License-Identifier: Apache-2.0
#include "kubelet/pleg/pleg.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "cri-api/client/fake_runtime.h"
#include "kubelet/pod/names.h"
#include "lib/base/fake_clock.h"
#include "lib/os/files.h"
#include "lib/os/temp_dir.h"

namespace keelson::pleg {
namespace {

using testing::ElementsAre;

constexpr char kImage[] = "busybox";

class PlegTest : public testing::Test {
 protected:
  PlegTest() { fake_.AddImage(kImage); }
  ~PlegTest() override { pleg_.reset(); }

  void Begin() {
    pleg_.emplace(
        fake_, clock_,
        [this](std::shared_ptr<const Snapshot> snapshot) {
          const std::lock_guard lock(mutex_);
          snapshots_.push_back(std::move(snapshot));
          changed_.notify_all();
        },
        [this](const base::Error& error) {
          const std::lock_guard lock(mutex_);
          errors_.push_back(error.message());
          changed_.notify_all();
        });
  }
  // The first snapshot for which that holds; null: there was none in time.
  std::shared_ptr<const Snapshot> Await(const std::function<bool(const Snapshot&)>& condition) {
    std::unique_lock lock(mutex_);
    std::shared_ptr<const Snapshot> found;
    (void)changed_.wait_for(lock, std::chrono::minutes(1), [&] {
      for (size_t i = 0; i < snapshots_.size() && found == nullptr; ++i) {
        if (condition(*snapshots_[i])) found = snapshots_[i];
      }
      return found != nullptr;
    });
    return found;
  }
  std::shared_ptr<const Snapshot> Listed() {
    const uint64_t asked = pleg_->Ask();
    return Await([&](const Snapshot& s) { return s.sequence >= asked; });
  }

  template <typename Config>
  static void Label(Config& config, const std::string& pod) {
    (*config.mutable_labels())[pod::kPodNameLabel] = pod;
    (*config.mutable_labels())[pod::kPodNamespaceLabel] = "default";
    (*config.mutable_labels())[pod::kPodUidLabel] = "uid-" + pod;
  }
  cri::PodSandboxConfig PodConfig(const std::string& name, uint32_t attempt = 0) {
    cri::PodSandboxConfig config;
    config.mutable_metadata()->set_name(name);
    config.mutable_metadata()->set_uid("uid-" + name);
    config.mutable_metadata()->set_namespace_("default");
    config.mutable_metadata()->set_attempt(attempt);
    config.set_log_directory(dir_.path() + "/" + name);
    Label(config, name);
    return config;
  }
  std::string Run(const std::string& pod, uint32_t attempt = 0) {
    return fake_.RunPodSandbox(PodConfig(pod, attempt), "").value();
  }
  std::string Create(const std::string& sandbox, const std::string& pod, const std::string& name,
                     uint32_t attempt = 0) {
    cri::ContainerConfig config;
    config.mutable_metadata()->set_name(name);
    config.mutable_metadata()->set_attempt(attempt);
    config.mutable_image()->set_image(kImage);
    config.mutable_image()->set_user_specified_image("library/" + std::string(kImage));
    config.set_log_path(name + "/0.log");
    Label(config, pod);
    (*config.mutable_annotations())[pod::kContainerHash] = "abcd";
    (*config.mutable_annotations())[pod::kTerminationMessagePath] = "/dev/termination-log";
    cri::Mount& mount = *config.add_mounts();
    mount.set_container_path("/dev/termination-log");
    mount.set_host_path(dir_.path() + "/message");
    return fake_.CreateContainer(sandbox, config, {}).value();
  }
  std::string Start(const std::string& sandbox, const std::string& pod, const std::string& name,
                    uint32_t attempt = 0) {
    const std::string id = Create(sandbox, pod, name, attempt);
    EXPECT_TRUE(fake_.StartContainer(id).ok());
    return id;
  }
  static const pod::ContainerFact* Find(const Snapshot& snapshot, const std::string& id) {
    for (const auto& [uid, pod] : snapshot.pods) {
      for (const pod::ContainerFact& fact : pod.observed.containers) {
        if (fact.id == id) return &fact;
      }
    }
    return nullptr;
  }

  const os::TempDir dir_ = os::TempDir::Create("keelson-pleg").value();
  base::ManualClock clock_;
  cri_client::FakeRuntime fake_{clock_};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::shared_ptr<const Snapshot>> snapshots_;  // guarded by mutex_
  std::vector<std::string> errors_;                         // guarded by mutex_
  std::optional<Pleg> pleg_;
};

TEST_F(PlegTest, ShowsPodsByUidWithEverythingThatIsKnown) {
  const std::string sandbox = Run("web");
  ASSERT_TRUE(os::WriteFileAtomic(dir_.path() + "/message", "no more coffee", 0644).ok());
  const std::string created = Create(sandbox, "web", "waits");
  const std::string running = Start(sandbox, "web", "runs");
  const std::string exited = Start(sandbox, "web", "ends");
  fake_.Exit(exited, 3);
  Begin();
  const auto snapshot = Await([](const Snapshot&) { return true; });
  ASSERT_NE(snapshot, nullptr);
  EXPECT_EQ(snapshot->taken_at, clock_.WallNanos());
  ASSERT_EQ(snapshot->pods.size(), 1u);
  const RuntimePod& pod = snapshot->pods.at("uid-web");
  EXPECT_EQ(pod.name, "web");
  EXPECT_EQ(pod.namespace_name, "default");
  EXPECT_EQ(pod.uid, "uid-web");
  ASSERT_EQ(pod.observed.sandboxes.size(), 1u);
  EXPECT_EQ(pod.observed.sandboxes[0].id, sandbox);
  EXPECT_TRUE(pod.observed.sandboxes[0].ready);
  EXPECT_FALSE(pod.observed.sandboxes[0].host_network);
  EXPECT_EQ(pod.observed.sandboxes[0].ips.size(), 1u);
  ASSERT_EQ(pod.observed.containers.size(), 3u);
  const pod::ContainerFact& ended = pod.observed.containers[0];  // the newest first
  EXPECT_EQ(ended.id, exited);
  EXPECT_EQ(ended.name, "ends");
  EXPECT_EQ(ended.sandbox_id, sandbox);
  EXPECT_EQ(ended.state, pod::RunState::kExited);
  EXPECT_EQ(ended.exit_code, 3);
  EXPECT_EQ(ended.reason, "Error");
  EXPECT_EQ(ended.message, "no more coffee");
  EXPECT_EQ(ended.hash, "abcd");
  EXPECT_EQ(ended.image, "library/busybox");
  EXPECT_EQ(ended.image_id, fake_.ImageStatus(kImage).value().image().id());
  EXPECT_EQ(ended.log_path, dir_.path() + "/web/ends/0.log");
  EXPECT_GT(ended.finished_at, ended.started_at);
  EXPECT_EQ(pod.observed.containers[1].id, running);
  EXPECT_EQ(pod.observed.containers[1].state, pod::RunState::kRunning);
  EXPECT_EQ(pod.observed.containers[1].message, "");
  EXPECT_EQ(pod.observed.containers[2].id, created);
  EXPECT_EQ(pod.observed.containers[2].state, pod::RunState::kCreated);
}

TEST_F(PlegTest, LeavesOutWhatIsNotTheKubelets) {
  cri::PodSandboxConfig config = PodConfig("by-hand");
  config.clear_labels();
  const std::string sandbox = fake_.RunPodSandbox(config, "").value();
  cri::ContainerConfig container;
  container.mutable_metadata()->set_name("one");
  container.mutable_image()->set_image(kImage);
  ASSERT_TRUE(fake_.CreateContainer(sandbox, container, {}).ok());
  Begin();
  const auto snapshot = Await([](const Snapshot&) { return true; });
  ASSERT_NE(snapshot, nullptr);
  EXPECT_TRUE(snapshot->pods.empty());
}

TEST_F(PlegTest, PutsTheNewestFirst) {
  const std::string old_sandbox = Run("web", 0), new_sandbox = Run("web", 1);
  const std::string first = Start(new_sandbox, "web", "one", 0),
                    second = Start(new_sandbox, "web", "one", 1);
  Begin();
  const auto snapshot = Listed();
  ASSERT_NE(snapshot, nullptr);
  const pod::Observed& observed = snapshot->pods.at("uid-web").observed;
  EXPECT_THAT(observed.sandboxes, ElementsAre(testing::Field(&pod::SandboxFact::id, new_sandbox),
                                              testing::Field(&pod::SandboxFact::id, old_sandbox)));
  EXPECT_THAT(observed.containers, ElementsAre(testing::Field(&pod::ContainerFact::id, second),
                                               testing::Field(&pod::ContainerFact::id, first)));
}

TEST_F(PlegTest, WhatWasDoneBeforeAskingIsInTheAnswer) {
  Begin();
  const std::string sandbox = Run("web");
  for (uint32_t i = 0; i < 50; ++i) {
    const std::string id = Start(sandbox, "web", "one", i);
    const auto snapshot = Listed();
    ASSERT_NE(snapshot, nullptr);
    ASSERT_NE(Find(*snapshot, id), nullptr);
    fake_.Exit(id, 0);
    ASSERT_EQ(Find(*Listed(), id)->state, pod::RunState::kExited);
    ASSERT_TRUE(fake_.RemoveContainer(id).ok());
    ASSERT_EQ(Find(*Listed(), id), nullptr);
  }
}

TEST_F(PlegTest, ListsWhenTheRuntimeTellsOfAChange) {
  const std::string sandbox = Run("web");
  Begin();
  ASSERT_NE(Await([](const Snapshot& s) { return !s.pods.empty(); }), nullptr);
  const std::string id = Start(sandbox, "web", "one");
  EXPECT_NE(Await([&](const Snapshot& s) { return Find(s, id) != nullptr; }), nullptr);
  fake_.Exit(id, 1);
  EXPECT_NE(Await([&](const Snapshot& s) {
              return Find(s, id) != nullptr && Find(s, id)->state == pod::RunState::kExited;
            }),
            nullptr);
}

TEST_F(PlegTest, ListsEachSecondWithoutEvents) {
  fake_.SetEventsSupported(false);
  const std::string sandbox = Run("web");
  Begin();
  ASSERT_NE(Await([](const Snapshot& s) { return !s.pods.empty(); }), nullptr);
  const std::string id = Start(sandbox, "web", "one");
  EXPECT_NE(Await([&](const Snapshot& s) { return Find(s, id) != nullptr; }), nullptr);
  EXPECT_LE(fake_.Count("GetContainerEvents"), 1) << "not asked again";
}

TEST_F(PlegTest, WatchesAgainAfterTheStreamBroke) {
  const std::string sandbox = Run("web");
  Begin();
  ASSERT_NE(Await([](const Snapshot&) { return true; }), nullptr);
  fake_.EndEventStreams();
  const std::string id = Start(sandbox, "web", "one");
  EXPECT_NE(Await([&](const Snapshot& s) { return Find(s, id) != nullptr; }), nullptr);
}

TEST_F(PlegTest, AsksForDetailsOfWhatChangedOnly) {
  const std::string sandbox = Run("web");
  const std::string one = Start(sandbox, "web", "one");
  (void)Start(sandbox, "web", "two");
  Begin();
  ASSERT_NE(Listed(), nullptr);
  ASSERT_NE(Listed(), nullptr);
  EXPECT_EQ(fake_.Count("PodSandboxStatus"), 1);
  EXPECT_EQ(fake_.Count("ContainerStatus"), 2);
  fake_.Exit(one, 0);
  ASSERT_NE(Listed(), nullptr);
  EXPECT_EQ(fake_.Count("ContainerStatus"), 3);
  EXPECT_EQ(fake_.Count("PodSandboxStatus"), 1);
  ASSERT_TRUE(fake_.StopPodSandbox(sandbox).ok());
  const auto snapshot = Listed();
  ASSERT_NE(snapshot, nullptr);
  EXPECT_FALSE(snapshot->pods.at("uid-web").observed.sandboxes[0].ready);
  EXPECT_EQ(fake_.Count("PodSandboxStatus"), 2);
  EXPECT_EQ(fake_.Count("ContainerStatus"), 4);
}

TEST_F(PlegTest, TellsThatTheRuntimeDoesNotAnswerAndTriesAgain) {
  Run("web");
  fake_.FailNext("ListContainers", base::Unavailable("gone for a walk"));
  Begin();
  const auto snapshot = Await([](const Snapshot&) { return true; });
  ASSERT_NE(snapshot, nullptr);
  EXPECT_EQ(snapshot->pods.size(), 1u);
  const std::lock_guard lock(mutex_);
  EXPECT_THAT(errors_, ElementsAre("gone for a walk"));
}

TEST_F(PlegTest, SkipsWhatWentBetweenListAndDetails) {
  const std::string sandbox = Run("web");
  Start(sandbox, "web", "one");
  fake_.FailNext("ContainerStatus", base::NotFound("no such container"));
  Begin();
  const auto snapshot = Await([](const Snapshot&) { return true; });
  ASSERT_NE(snapshot, nullptr);
  EXPECT_TRUE(snapshot->pods.at("uid-web").observed.containers.empty());
  EXPECT_EQ(snapshot->pods.at("uid-web").observed.sandboxes.size(), 1u);
  const auto next = Listed();
  ASSERT_NE(next, nullptr);
  EXPECT_EQ(next->pods.at("uid-web").observed.containers.size(), 1u);
}

TEST_F(PlegTest, FailsAsAWholeOverDetailsThatCannotBeRead) {
  const std::string sandbox = Run("web");
  Start(sandbox, "web", "one");
  fake_.FailNext("ContainerStatus", base::Internal("disk on fire"));
  Begin();
  const auto snapshot = Await([](const Snapshot&) { return true; });
  ASSERT_NE(snapshot, nullptr);
  EXPECT_EQ(snapshot->pods.at("uid-web").observed.containers.size(), 1u);
  const std::lock_guard lock(mutex_);
  EXPECT_THAT(errors_, ElementsAre("disk on fire"));
}

}  // namespace
}  // namespace keelson::pleg
