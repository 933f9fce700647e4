// SPDX-License-Identifier: Apache-2.0
// A node for tests: the agent with everything of the kubelet around it, over the fake runtime and a
// clock that the test moves. Volumes and cgroups are real, in folders and groups of the test's own.
// Restart() is the kubelet's death and return.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "cri-api/client/fake_runtime.h"
#include "kubelet/lifecycle/agent.h"
#include "kubelet/pod/test_pod.h"
#include "kubelet/volume/mounts.h"
#include "lib/base/fake_clock.h"
#include "lib/base/ids.h"
#include "lib/base/strings.h"
#include "lib/os/files.h"
#include "lib/os/temp_dir.h"

namespace keelson::lifecycle {

// Answers as the test says; notes hooks.
class FakeProber final : public probe::Prober {
 public:
  probe::Answer Probe(const kube::Probe&, const probe::Target& target) override {
    const std::lock_guard lock(mutex_);
    const bool good = !Fails(target);
    return {good ? probe::Outcome::kSuccess : probe::Outcome::kFailure,
            good ? "" : "the test says no"};
  }
  base::Status Hook(const kube::LifecycleHandler&, const probe::Target& target,
                    std::chrono::seconds timeout) override {
    const std::lock_guard lock(mutex_);
    hooks_.push_back(target.container->name + " " + target.address + " " +
                     std::to_string(timeout.count()) + "s");
    if (away_ > 0) {
      --away_;
      return base::Unavailable("connection refused");
    }
    if (Fails(target)) return base::Unknown("the hook says no");
    return {};
  }
  // By name, or by id.
  void SetFailing(const std::string& container, bool failing) {
    const std::lock_guard lock(mutex_);
    if (failing) {
      failing_.insert(container);
    } else {
      failing_.erase(container);
    }
  }
  // The runtime is not there for so many hooks.
  void SetAway(int times) {
    const std::lock_guard lock(mutex_);
    away_ = times;
  }
  std::vector<std::string> Hooks() const {
    const std::lock_guard lock(mutex_);
    return hooks_;
  }

 private:
  bool Fails(const probe::Target& target) const {
    return failing_.contains(target.container->name) || failing_.contains(target.container_id);
  }

  mutable std::mutex mutex_;
  int away_ = 0;
  std::set<std::string> failing_;
  std::vector<std::string> hooks_;
};

class NodeOfATest : public testing::Test {
 protected:
  static constexpr char kImage[] = "library/app:1";

  // One life of the kubelet.
  struct Life {
    explicit Life(NodeOfATest& t)
        : cluster(t.make_cluster_ ? t.make_cluster_(*loop) : nullptr),
          objects(t.objects_of_cluster_ ? t.objects_of_cluster_() : t.objects_),
          volumes(t.dir_.path() + "/kubelet", objects),
          pull_records(
              image_gc::PullRecords::Open(t.dir_.path() + "/kubelet/image_manager", {}, t.clock_)
                  .value()),
          applier({t.fake_, volumes, objects, *t.cgroups_, t.prober_, t.node_, t.links_, nullptr,
                   pull_records.get()}),
          view(t.clock_, "{}"),
          agent({*loop,
                 workers,
                 t.clock_,
                 t.fake_,
                 applier,
                 volumes,
                 *t.cgroups_,
                 t.node_,
                 {t.node_.allocatable, {}},
                 {{"192.0.2.7"}, "keelson"},
                 {},
                 [] {},
                 view,
                 t.sync_frequency_,
                 pod::kBackoffCap,
                 std::chrono::seconds(10),
                 {},
                 cluster,
                 t.shortage_}),
          end_cluster(t.end_cluster_) {
      probes.emplace(
          t.prober_, probe_workers, t.clock_,
          [this](const std::string& uid) { agent.OnHealth(uid); },
          [this](const std::string& uid, const std::string& container, const std::string& text) {
            agent.OnProbeFailure(uid, container, text);
          });
      pleg.emplace(
          t.fake_, t.clock_, [this](auto snapshot) { agent.OnSnapshot(std::move(snapshot)); },
          [this](const base::Error& error) { agent.OnRuntimeError(error); });
      agent.Connect(*pleg, *probes);
      agent.Begin();
      if (t.start_cluster_) t.start_cluster_(agent, view);
      runner = std::jthread([this] { loop->Run(); });
    }
    ~Life() {
      loop->Stop();
      runner.join();
      if (end_cluster) end_cluster();
      pleg.reset();
      probes.reset();
    }
    std::unique_ptr<os::EventLoop> loop = os::EventLoop::Create().value();
    Cluster* const cluster;
    const volume::Objects& objects;
    volume::Volumes volumes;
    const std::unique_ptr<image_gc::PullRecords> pull_records;
    Applier applier;
    async::Executor workers{16};
    async::Executor probe_workers{4};
    View view;
    Agent agent;
    std::function<void()> end_cluster;
    std::optional<probe::Probes> probes;
    std::optional<pleg::Pleg> pleg;
    std::jthread runner;
  };

  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root: pods have cgroups";
    auto cgroups = node_cgroup::PodCgroups::Create(cgroup_root_, node_.allocatable);
    ASSERT_TRUE(cgroups.ok()) << cgroups.error().message();
    cgroups_ = std::move(cgroups).value();
    ASSERT_TRUE(os::MakeDir(links_, 0755).ok());
    node_.logs = dir_.path() + "/logs";
    node_.names = {"node", {"192.0.2.7"}};
    fake_.AddImage(kImage);
    life_.emplace(*this);
  }
  void TearDown() override {
    if (HasFailure() && life_)
      std::fprintf(stderr, "%s\n%s\n", base::Join(fake_.Calls(), "\n").c_str(),
                   life_->view.Pods().c_str());
    life_.reset();
    // Pods that live to the end have their volumes, and some of those are mounts.
    EXPECT_TRUE(volume::UnmountBelow(dir_.path()).ok());
    if (cgroups_) {
      EXPECT_TRUE(cgroups_->RemoveAll().ok());
    }
  }
  void Restart() {
    life_.reset();
    life_.emplace(*this);
  }

  bool Eventually(const std::function<bool()>& condition) {
    for (int i = 0; i < 12000; ++i) {
      if (condition()) return true;
      (void)poll(nullptr, 0, 5);
    }
    return condition();
  }
  // A pod of namespace shop whose uid is "uid-<name>".
  static kube::Pod Pod(const std::string& name, const std::string& spec) {
    kube::Pod pod = pod::TestPod(spec);
    pod.metadata.name = name;
    pod.metadata.uid = "uid-" + name;
    return pod;
  }
  static std::string OneContainer(const std::string& more = "") {
    return std::string("containers:\n- {name: a, image: ") + kImage + more + "}\n";
  }
  void Want(std::vector<kube::Pod> pods) {
    wanted_ = pods;
    life_->agent.OnFiles({.pods = std::move(pods)});
  }
  // Time goes on, and the pod is looked at again. (The runtime's times are a few nanoseconds ahead:
  // no two are alike.)
  void After(std::chrono::nanoseconds time, const std::string& pod) {
    clock_.Advance(time);
    life_->probes->Wake();
    life_->agent.OnHealth("uid-" + pod);
  }
  json::Value Status(const std::string& name) {
    const json::Value list = json::ParseJson(life_->view.Pods()).value();
    for (const json::Value& pod : list.At({"items"}).items()) {
      if (pod.At({"metadata", "name"}).AsString() == name) return pod.At({"status"});
    }
    return {};
  }
  std::string Phase(const std::string& name) { return Status(name).At({"phase"}).AsString(); }
  bool IsReady(const std::string& name) {
    const json::Value status = Status(name);
    for (const json::Value& condition : status.At({"conditions"}).items()) {
      if (condition.At({"type"}).AsString() == "Ready")
        return condition.At({"status"}).AsString() == "True";
    }
    return false;
  }
  json::Value Container(const std::string& pod, const std::string& name) {
    const json::Value status = Status(pod);
    for (const char* list : {"containerStatuses", "initContainerStatuses"}) {
      for (const json::Value& container : status.At({list}).items()) {
        if (container.At({"name"}).AsString() == name) return container;
      }
    }
    return {};
  }
  std::string Waits(const std::string& pod, const std::string& name) {
    return Container(pod, name).At({"state", "waiting", "reason"}).AsString();
  }
  int64_t Restarts(const std::string& pod, const std::string& name) {
    return Container(pod, name).At({"restartCount"}).AsInt();
  }
  bool IsGone(const std::string& name) { return Status(name).IsNull(); }
  // Calls of that kind, in order.
  std::vector<std::string> CallsOf(const std::string& prefix) {
    std::vector<std::string> calls = fake_.Calls();
    std::erase_if(calls, [&](const std::string& call) { return !call.starts_with(prefix); });
    return calls;
  }
  std::vector<std::string> Names(const std::string& directory) {
    std::vector<std::string> names;
    const auto entries = os::ListDir(directory);
    for (const os::DirEntry& entry : entries.ok() ? *entries : std::vector<os::DirEntry>())
      names.push_back(entry.name);
    return names;
  }

  const os::TempDir dir_ = os::TempDir::Create("keelson-agent").value();
  const std::string links_ = dir_.path() + "/links";
  const std::string cgroup_root_ = "/keelson-test-" + base::RandomHex(4);
  base::ManualClock clock_;
  cri_client::FakeRuntime fake_{clock_};
  pod::TestObjects objects_;
  FakeProber prober_;
  pod::NodeSettings node_ = [] {
    pod::NodeSettings node;
    node.capacity =
        node.allocatable = {.milli_cpu = 2000, .memory_bytes = int64_t{1} << 30, .pods = 10};
    return node;
  }();
  std::unique_ptr<node_cgroup::PodCgroups> cgroups_;
  std::chrono::nanoseconds sync_frequency_ = std::chrono::minutes(1);  // of lives that begin
  std::optional<ShortageSettings> shortage_;                           // of lives that begin
  std::vector<kube::Pod> wanted_;
  // Of lives that begin: what joins them to a cluster, if anything does. Ended on the test's thread
  // after the loop's.
  std::function<Cluster*(os::EventLoop&)> make_cluster_;
  std::function<const volume::Objects&()> objects_of_cluster_;
  std::function<void(Agent&, View&)> start_cluster_;
  std::function<void()> end_cluster_;
  std::optional<Life> life_;
};

}  // namespace keelson::lifecycle
