// SPDX-License-Identifier: Apache-2.0
// The runtime's state folder on a disk that loses what was not made durable, cut at every write of
// some fifty operations: images pulled, removed and pulled again, pods and containers run, ended,
// stopped and removed. After each cut it is another boot: the real keelson-runtime starts on what
// is there. An image whose pull was answered is there, each of its files as it was unpacked; of
// pods and containers the disk has what it had been asked to keep, everything is ended, with its
// own exit code or 255, and what cannot be read is put aside by name; all of it can be removed, and
// then nothing is left that has no owner.
// KEELSON_POWER_CUTS=N: at most so many cuts a file system, evenly spread; "all".
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <map>
#include <set>

#include "lib/os/files.h"
#include "runtime/content/digest.h"
#include "runtime/image/testing/layout_maker.h"
#include "runtime/image/testing/test_registry.h"
#include "tests/crash/power/cuts.h"
#include "tests/crash/power/history.h"
#include "tests/crash/power/node_power.h"

namespace keelson::power_test {
namespace {

using image::testing::LayoutMaker;
using image::testing::Shell;
using image::testing::TestRegistry;

class RuntimePower : public NodePower {
 protected:
  void SetUp() override {
    NodePower::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    ASSERT_TRUE(os::MakeDirs(memory() + "/registry", 0700).ok());
    registry_ =
        std::make_unique<TestRegistry>(TestRegistry::Options{.dir = memory() + "/registry"});
    TrustRegistry(registry_->Address());
    Push();
  }

  // --- images: the demo's busybox, and two that share their lowest layer
  std::string Name(const std::string& image) const { return registry_->Address() + "/" + image; }
  void Push() {
    registry_->Push(ImageLayout("busybox"), "busybox:1");
    const std::string work = memory() + "/layout";
    ASSERT_TRUE(os::MakeDirs(work + "/layout/blobs/sha256", 0700).ok());
    const LayoutMaker maker(work);
    LayoutMaker one(work);
    const auto base = one.MakeLayer(
        "mkdir -p etc/deep/er bin; for i in $(seq 60); do echo $i >etc/deep/$i; done; "
        "head -c 700000 /dev/zero | tr '\\0' a >bin/big; ln bin/big bin/twin; ln -s big bin/link");
    one.Make({base, one.MakeLayer("mkdir etc; head -c 100000 /dev/zero | tr '\\0' b >etc/one")});
    registry_->Push(one.Path(), "one:1");
    one.Make({base, one.MakeLayer("mkdir etc; head -c 200000 /dev/zero | tr '\\0' c >etc/two")});
    registry_->Push(one.Path(), "two:1");
  }
  // Every file of a layer with its mode and content.
  static std::string Fingerprint(const std::string& directory) {
    return content::DigestOf(
        Shell("cd " + directory +
              " && find . -printf '%P %M %y %l\\n' | sort && find . -type f -print0 | sort -z | "
              "xargs -0 -r sha256sum"));
  }
  std::map<std::string, std::string> Layers() {
    std::map<std::string, std::string> out;
    for (const os::DirEntry& layer : os::ListDir(state() + "/layers/sha256").value())
      out[layer.name] = Fingerprint(state() + "/layers/sha256/" + layer.name + "/fs");
    return out;
  }

  // --- operations
  // What it comes to is known when it ends; `lasts` says that it is on the disk then by itself.
  void Operation(const std::function<std::map<std::string, std::string>()>& what,
                 bool lasts = false) {
    const size_t begun = disk_->Position();
    const std::map<std::string, std::string> came = what();
    if (!lasts) {
      ASSERT_TRUE(disk_->Sync().ok());
    }
    history_.Add(begun, disk_->Position(), came);
  }
  void Pull(const std::string& name) {
    Operation(
        [&]() -> std::map<std::string, std::string> {
          cri::ImageSpec spec;
          spec.set_image(Name(name));
          const auto pulled = Runtime().PullImage(spec, nullptr, {}, {});
          EXPECT_TRUE(pulled.ok()) << (pulled.ok() ? "" : pulled.error().message());
          for (const auto& [layer, print] : Layers()) layers_[layer] = print;
          return {{"image " + Name(name), pulled.ok() ? *pulled : ""}};
        },
        true);
  }
  void RemoveImage(const std::string& name) {
    Operation([&]() -> std::map<std::string, std::string> {
      EXPECT_TRUE(Runtime().RemoveImage(Name(name)).ok());
      return {{"image " + Name(name), ""}};
    });
  }
  std::string RunPod(const std::string& name) {
    cri::PodSandboxConfig& pod = pods_[name];
    pod.mutable_metadata()->set_name(name);
    pod.mutable_metadata()->set_uid("uid-" + name);
    pod.mutable_metadata()->set_namespace_("default");
    pod.set_hostname(name);
    pod.set_log_directory(logs() + "/" + name);
    pod.mutable_linux()->set_cgroup_parent(cgroup_root_ + "/" + name);
    auto& port = *pod.add_port_mappings();
    port.set_container_port(80);
    port.set_host_port(31000 + static_cast<int>(pods_.size()));
    std::string id;
    Operation([&]() -> std::map<std::string, std::string> {
      const auto ran = Runtime().RunPodSandbox(pod, "");
      EXPECT_TRUE(ran.ok()) << (ran.ok() ? "" : ran.error().message());
      if (ran.ok()) id = *ran;
      return {{"pods " + id, "there"}};
    });
    return id;
  }
  std::string Create(const std::string& name, const std::string& pod, const std::string& script) {
    std::string id;
    Operation([&]() -> std::map<std::string, std::string> {
      cri::ContainerConfig config;
      config.mutable_metadata()->set_name("c" + std::to_string(created_++));
      config.mutable_image()->set_image(Name("busybox:1"));
      for (const std::string& word : {std::string("sh"), std::string("-c"), script})
        config.add_command(word);
      config.set_log_path(config.metadata().name() + ".log");
      const auto made = Runtime().CreateContainer(pod, config, pods_[name]);
      EXPECT_TRUE(made.ok()) << (made.ok() ? "" : made.error().message());
      if (made.ok()) id = *made;
      return {{"containers " + id, "created"}};
    });
    return id;
  }
  // Until it runs, or, when it ends by itself, until its end is told: that may come, and reach the
  // disk, as soon as the start has begun.
  void StartContainer(const std::string& id, bool ends) {
    const size_t begun = disk_->Position();
    Operation([&]() -> std::map<std::string, std::string> {
      EXPECT_TRUE(Runtime().StartContainer(id).ok());
      return {{"containers " + id, "ended 255"}};  // what a cut makes of it
    });
    if (!ends) return;
    EXPECT_TRUE(Eventually(
        [&] { return Runtime().ContainerStatus(id).value().state() == cri::CONTAINER_EXITED; }));
    ASSERT_TRUE(disk_->Sync().ok());
    history_.Add(begun, disk_->Position(), {{"containers " + id, StateOf(id)}});
  }
  std::string StateOf(const std::string& id) {
    const auto status = Runtime().ContainerStatus(id);
    if (!status.ok()) return status.error().message();
    if (status->state() == cri::CONTAINER_CREATED) return "created";
    if (status->state() != cri::CONTAINER_EXITED) return "lives";
    if (status->exit_code() == 255) {
      EXPECT_NE(status->message(), "");
    }
    EXPECT_GT(status->finished_at(), 0);
    return "ended " + std::to_string(status->exit_code());
  }
  void RecordOperations() {
    begin_ = disk_->Position();
    StartRuntime();
    Pull("busybox:1");
    Pull("one:1");
    for (int i = 0; i < 6; ++i) {
      const std::string name = "p" + std::to_string(i), pod = RunPod(name);
      const std::string ends =
          Create(name, pod, "echo x >/kept; exit " + std::to_string(i % 3 == 0 ? 0 : i));
      StartContainer(ends, true);
      const std::string stays = Create(name, pod, "while true; do sleep 1; done");
      StartContainer(stays, false);
      if (i == 1) Pull("two:1");
      if (i == 2) RemoveImage("one:1");
      if (i == 4) Pull("one:1");
      if (i % 3 == 1) {
        Operation([&]() -> std::map<std::string, std::string> {
          EXPECT_TRUE(Runtime().StopContainer(stays, std::chrono::seconds(0)).ok());
          return {{"containers " + stays, StateOf(stays)}};
        });
        Operation([&]() -> std::map<std::string, std::string> {
          EXPECT_TRUE(Runtime().RemoveContainer(ends).ok());
          return {{"containers " + ends, ""}};
        });
      } else if (i % 3 == 2) {
        Operation([&]() -> std::map<std::string, std::string> {
          EXPECT_TRUE(Runtime().StopPodSandbox(pod).ok());
          return {{"containers " + stays, StateOf(stays)}};
        });
        Operation([&]() -> std::map<std::string, std::string> {
          EXPECT_TRUE(Runtime().RemovePodSandbox(pod).ok());
          return {{"pods " + pod, ""}, {"containers " + ends, ""}, {"containers " + stays, ""}};
        });
      }
    }
    end_ = disk_->Position();
  }

  // --- after a cut
  bool PutAside(const std::string& thing) {
    const std::string name =
        thing.substr(0, thing.find(' ')) + "-" + thing.substr(thing.find(' ') + 1);
    return os::Exists(state() + "/quarantine/" + name);
  }
  void CheckRecords(size_t position) {
    std::map<std::string, std::string> found;
    for (const cri::PodSandbox& pod : Runtime().ListPodSandboxes().value()) {
      found["pods " + pod.id()] = "there";
      EXPECT_EQ(pod.state(), cri::SANDBOX_NOTREADY) << pod.id();
    }
    for (const cri::Container& container : Runtime().ListContainers().value())
      found["containers " + container.id()] = StateOf(container.id());
    const std::string log = os::ReadFile(dir_.path() + "/runtime.log").ValueOr("");
    for (const auto& [thing, history] : history_.things()) {
      if (thing.starts_with("image")) continue;
      const Possible possible = history.At(position);
      const std::string state = found[thing];
      found.erase(thing);
      if (state.empty() && PutAside(thing)) {
        EXPECT_TRUE(possible.changing) << thing << " was on the disk whole";
        EXPECT_NE(log.find(thing.substr(thing.find(' ') + 1)), std::string::npos)
            << thing << " is put aside without a word";
        continue;
      }
      EXPECT_TRUE(possible.states.contains(state))
          << thing << " is '" << state << "', could be " << possible.Text();
    }
    for (const auto& [thing, state] : found) ADD_FAILURE() << thing << " never was: " << state;
  }
  void CheckImages(size_t position) {
    std::map<std::string, std::string> found;
    for (const cri::Image& one : Runtime().ListImages().value()) {
      for (const std::string& tag : one.repo_tags()) found[tag] = one.id();
    }
    for (const auto& [thing, history] : history_.things()) {
      if (!thing.starts_with("image ")) continue;
      const Possible possible = history.At(position);
      const std::string id = found[thing.substr(6)];
      EXPECT_TRUE(possible.states.contains(id))
          << thing << " is '" << id << "', could be " << possible.Text();
    }
    for (const auto& [layer, print] : Layers())
      EXPECT_EQ(print, layers_[layer]) << "layer " << layer;
  }
  void RemoveAll() {
    for (const cri::Container& container : Runtime().ListContainers().value())
      EXPECT_TRUE(Runtime().RemoveContainer(container.id()).ok()) << container.id();
    for (const cri::PodSandbox& pod : Runtime().ListPodSandboxes().value())
      EXPECT_TRUE(Runtime().RemovePodSandbox(pod.id()).ok()) << pod.id();
    EXPECT_TRUE(Runtime().ListContainers().value().empty());
    EXPECT_TRUE(Runtime().ListPodSandboxes().value().empty());
  }
  // Whoever asks for it again gets it, and can run it.
  void CheckItWorks() {
    const auto pulled = [&] {
      cri::ImageSpec spec;
      spec.set_image(Name("busybox:1"));
      return Runtime().PullImage(spec, nullptr, {}, {});
    }();
    ASSERT_TRUE(pulled.ok()) << pulled.error().message();
    cri::PodSandboxConfig pod;
    pod.mutable_metadata()->set_name("after");
    pod.mutable_metadata()->set_uid("uid-after");
    pod.mutable_metadata()->set_namespace_("default");
    pod.mutable_linux()->set_cgroup_parent(cgroup_root_ + "/after");
    const auto id = Runtime().RunPodSandbox(pod, "");
    ASSERT_TRUE(id.ok()) << id.error().message();
    cri::ContainerConfig config;
    config.mutable_metadata()->set_name("main");
    config.mutable_image()->set_image(Name("busybox:1"));
    for (const char* word : {"sh", "-c", "exit 9"}) config.add_command(word);
    const auto container = Runtime().CreateContainer(*id, config, pod);
    ASSERT_TRUE(container.ok()) << container.error().message();
    ASSERT_TRUE(Runtime().StartContainer(*container).ok());
    EXPECT_TRUE(Eventually([&] { return StateOf(*container) == "ended 9"; }))
        << StateOf(*container);
    EXPECT_TRUE(Runtime().RemovePodSandbox(*id).ok());
  }
  void Check(size_t position, const std::string& image, bool whole) {
    MountCut(image);
    if (HasFatalFailure()) return;
    NewBoot();
    (void)os::RemoveFile(dir_.path() + "/runtime.log");
    StartRuntime();
    if (HasFatalFailure()) return;
    CheckRecords(position);
    CheckImages(position);
    if (whole) CheckItWorks();
    RemoveAll();
    StopRuntime(SIGTERM);
    EXPECT_EQ(ProblemsIn(RuntimeCommand({"fsck"})), "");
    EndOfBoot();
  }

  std::unique_ptr<TestRegistry> registry_;
  History history_;
  std::map<std::string, std::string> layers_;  // hex digest → fingerprint
  std::map<std::string, cri::PodSandboxConfig> pods_;
  int created_ = 0;
  size_t begin_ = 0, end_ = 0;
};

TEST_P(RuntimePower, ACutAtAnyWriteLeavesNothingHalfDone) {
  Record(state());
  ASSERT_FALSE(HasFatalFailure());
  RecordOperations();
  ASSERT_FALSE(HasFailure());
  RemoveAll();
  StopRuntime(SIGTERM);
  EndRecording();
  ASSERT_FALSE(HasFailure());
  size_t cuts = 0;
  // Each is a whole start of the daemon; XFS takes its time for a mount.
  const size_t usual = GetParam() == FileSystem::kExt4 ? 8 : 3;
  ForEachCut(*disk_, begin_, end_, memory(), usual, [&](size_t position, const std::string& image) {
    Check(position, image, cuts++ % 8 == 0);
  });
  std::printf("%s: %zu writes and flushes of %zu operations, %zu cuts\n", NameOf(GetParam()),
              end_ - begin_, history_.size(), cuts);
}

INSTANTIATE_TEST_SUITE_P(On, RuntimePower, testing::Values(FileSystem::kExt4, FileSystem::kXfs),
                         [](const auto& file_system) { return NameOf(file_system.param); });

}  // namespace
}  // namespace keelson::power_test
