// SPDX-License-Identifier: Apache-2.0
// keelson-kubelet's root folder on a disk that loses what was not made durable, cut at every write
// of some forty operations: static pods with volumes, probes, hosts files and an image of a secret
// come, change and go, their objects change, the kubelet ends and comes back. The runtime's state
// is elsewhere, and is what it was before or after the operation that was cut off. After each cut,
// in another boot: each pod is as its restartPolicy has it, began once where it had to and never
// else, has seen its volumes and hosts file whole and as they are now, is ready when a probe has
// said so; records are whole, or put aside by name, and no pod gets an image that another one's
// secret fetched; pods that are taken away leave nothing. KEELSON_POWER_CUTS=N: at most so many
// cuts a file system, evenly spread; "all".
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <map>
#include <optional>
#include <set>

#include "kubelet/image/pull_record.h"
#include "lib/base/ids.h"
#include "lib/base/strings.h"
#include "lib/json/value.h"
#include "lib/os/files.h"
#include "runtime/image/testing/fake_registry.h"
#include "runtime/image/testing/layout_maker.h"
#include "tests/crash/power/cuts.h"
#include "tests/crash/power/kubelet_pods.h"
#include "tests/crash/power/node_power.h"

namespace keelson::power_test {
namespace {

using image::testing::FakeRegistry;
using image::testing::Shell;

// What is asked for at a moment of the recording.
struct World {
  size_t begun = 0, settled = 0, ended = 0;  // of the operation that led to it; ended: synced
  AskedPods pods;
  int words = 0;         // the version of the objects
  std::string snapshot;  // of the runtime's state
};

class KubeletPower : public NodePower {
 protected:
  void SetUp() override {
    NodePower::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    ASSERT_TRUE(os::MakeDirs(Marks(), 0777).ok());
    KeepStateInMemory();
    if (HasFatalFailure()) return;
    Shell("cp -a " + ImageLayout("busybox") + " " + memory() + "/private && umoci config --image " +
          memory() + "/private:demo --config.label private=1");
    registry_.emplace(memory(), R"("auth":"basic","user":"u","password":"p","layout":")" +
                                    memory() + "/private\"");
    TrustRegistry(registry_->Address());
    LoadImage("busybox");
  }
  std::string Marks() const { return dir_.path() + "/marks"; }
  std::string Image() const { return registry_->Address() + "/team/private:demo"; }
  void PutObjects() {
    ASSERT_TRUE(os::WriteFileAtomic(folder_ + "/objects/o.yaml",
                                    ObjectsOf(world_.words, registry_->Address()), 0644)
                    .ok());
  }
  void PutPod(const Asked& pod) {
    PutManifest(pod.name + ".yaml", ManifestOf(pod, Marks(), Image()));
  }

  // --- what has become of it
  // What `pod` is not, and has to be; "": all is well. `began`: it did in an earlier boot.
  std::string Wrong(const Asked& pod, const json::Value& status, bool began) {
    const std::string& phase = status.At({"phase"}).AsString();
    const std::string marks = os::ReadFile(Marks() + "/" + pod.Mark()).ValueOr("");
    const auto told = [&](const std::string& what) {
      return pod.Mark() + " " + what + ": " + phase + ", it did '" + marks + "'\n";
    };
    if (pod.Is("wants")) {
      if (!marks.empty()) ADD_FAILURE() << pod.name << " has run what another's secret fetched";
      const auto& containers = status.At({"containerStatuses"}).items();
      if (containers.empty()) return told("is not told of");
      const std::string& reason = containers[0].At({"state", "waiting", "reason"}).AsString();
      return reason == "ErrImagePull" || reason == "ImagePullBackOff" ? "" : told("is refused");
    }
    if (pod.GoesOn()) {
      bool ready = false;
      for (const json::Value& condition : status.At({"conditions"}).items())
        ready = ready || (condition.At({"type"}).AsString() == "Ready" &&
                          condition.At({"status"}).AsString() == "True");
      if (!ready || marks.empty()) return told("is not ready");
      if (pod.Is("serves") && !os::Exists(Marks() + "/" + pod.Mark() + ".asked"))
        ADD_FAILURE() << pod.name << " is ready and no probe of this boot said so";
      const std::string wanted = SeenBy(pod);
      EXPECT_EQ(marks, wanted) << pod.Mark();
      if (pod.Is("serves")) CheckHosts(pod);
      return "";
    }
    const std::string wanted = !pod.Is("stays") ? "Succeeded" : began ? "Failed" : "Running";
    if (phase != wanted || (!began && marks.empty())) return told("is not " + wanted);
    EXPECT_EQ(marks, began ? "" : "began\n") << pod.Mark();
    return "";
  }
  std::string SeenBy(const Asked& pod) {
    if (pod.Is("begins")) return boot_ + "\n";
    if (pod.Is("owns")) return "began\n";
    return SeenOf(pod, saw_.emplace(pod, world_.words).first->second);
  }
  void CheckHosts(const Asked& pod) {
    std::string hosts = os::ReadFile(Marks() + "/" + pod.Mark() + ".hosts").ValueOr("");
    EXPECT_TRUE(hosts.ends_with("\t" + pod.name + "-node\n")) << hosts;
    // But for the pod's name and address.
    hosts.resize(hosts.rfind('\n', hosts.size() - 2) + 1);
    if (hosts_.empty()) hosts_ = hosts;
    EXPECT_EQ(hosts, hosts_);
  }
  // Of all that is asked for, and of what is not.
  std::string Wrong(const AskedPods& began) {
    const auto list = json::ParseJson(Get("/pods"));
    if (!list.ok()) return "no list of pods";
    std::map<std::string, json::Value> told;
    for (const json::Value& pod : list->At({"items"}).items())
      told[pod.At({"metadata", "name"}).AsString()] = pod;
    std::set<std::string> uids;
    std::string wrong;
    for (const Asked& pod : world_.pods) {
      const auto found = told.find(pod.name + "-node");
      if (found == told.end()) return pod.name + " is not told of";
      const json::Value& meta = found->second.At({"metadata"});
      uids.insert(meta.At({"uid"}).AsString());
      if (meta.At({"annotations", "version"}).AsString() != std::to_string(pod.version))
        wrong += pod.Mark() + " is the one before\n";
      else
        wrong += Wrong(pod, found->second.At({"status"}), began.contains(pod));
      const std::string volume = kubelet_root() + "/pods/" + meta.At({"uid"}).AsString() +
                                 "/volumes/kubernetes.io~configmap/cm";
      if (pod.Is("serves") && os::ReadFile(volume + "/word").ValueOr("") != Word(world_.words))
        wrong += pod.Mark() + " has a volume of before\n";
    }
    if (told.size() != world_.pods.size()) wrong += "a pod that is not asked for\n";
    for (const os::DirEntry& entry : os::ListDir(kubelet_root() + "/pods").ValueOr({})) {
      if (!uids.contains(entry.name)) wrong += "left: pods/" + entry.name + "\n";
    }
    return wrong;
  }

  // --- while the disk is recorded
  // `others_sync`: before all is synced another program of the machine syncs a file of its own, and
  // names come to the disk before what they hold.
  void Operation(const std::function<void()>& change, bool others_sync = false) {
    world_.begun = disk_->Position();
    change();
    std::string wrong;
    ASSERT_TRUE(Eventually([&] { return (wrong = Wrong({})).empty() || HasFailure(); })) << wrong;
    world_.settled = disk_->Position();
    if (others_sync) {
      const os::UniqueFd file =
          os::Open(kubelet_root() + "/other", O_WRONLY | O_CREAT | O_APPEND, 0600).value();
      ASSERT_TRUE(os::WriteAll(file.get(), "x").ok());
      ASSERT_EQ(fsync(file.get()), 0);
    }
    world_.snapshot = memory() + "/snapshot-" + std::to_string(worlds_.size());
    Shell("cp -al " + memory() + "/state " + world_.snapshot);
    ASSERT_TRUE(disk_->Sync().ok());
    world_.ended = disk_->Position();
    worlds_.push_back(world_);
  }

  void Put(const std::string& name, int version = 1) {
    const Asked asked{name, version};
    Operation(
        [&] {
          std::erase_if(world_.pods, [&](const Asked& pod) { return pod.name == name; });
          world_.pods.insert(asked);
          PutPod(asked);
        },
        asked.Is("serves"));
  }
  void Remove(const std::set<std::string>& names) {
    Operation([&] {
      std::erase_if(world_.pods, [&](const Asked& pod) { return names.contains(pod.name); });
      for (const std::string& name : names) RemoveManifest(name + ".yaml");
    });
  }
  void RestartKubelet(bool other_words) {
    Operation([&] {
      StopKubelet(SIGKILL);
      if (other_words) ++world_.words;
      PutObjects();
      StartKubelet();
    });
  }
  void RecordOperations() {
    begin_ = disk_->Position();
    BeginBoot();
    Operation([&] {
      PutObjects();
      StartRuntime();
      StartKubelet();
    });
    // The short form is for a machine that has other things to do.
    const int rounds = std::getenv("KEELSON_POWER_CUTS") == nullptr ? 1 : 2;
    for (int round = 0; round < rounds && !HasFailure(); ++round) {
      const std::string r = "-" + std::to_string(round);
      Put("serves" + r);
      Put("once" + r);
      Put("begins" + r);
      Put("stays" + r);
      RestartKubelet(true);
      Put("wants" + r);
      Put("owns" + r);
      if (round == 0) pull_ = worlds_.size() - 1;
      Put("serves" + r, 2);
      Put("enough" + r);
      RestartKubelet(false);
      Remove({"once" + r});
      Put("serves-x" + r);
      Put("begins" + r, 2);
      RestartKubelet(true);
      Remove({"owns" + r, "serves" + r});
      Put("owns" + r, 2);
      Remove({"stays" + r, "begins" + r});
      Remove({"serves-x" + r, "wants" + r, "enough" + r});
      Remove({"owns" + r});
    }
    end_ = disk_->Position();
  }

  // --- after a cut
  void BeginBoot() {
    NewBoot();
    boot_ = base::RandomHex(8);
    saw_.clear();
    for (const os::DirEntry& entry : os::ListDir(Marks()).value())
      ASSERT_TRUE(os::RemoveFile(Marks() + "/" + entry.name).ok());
    ASSERT_TRUE(os::WriteFileAtomic(Marks() + "/boot", boot_ + "\n", 0644).ok());
    (void)os::RemoveFile(folder_ + "/kubelet.log");
    (void)os::RemoveFile(folder_ + "/runtime.log");
  }
  // What image_manager's folder holds, but for what is half-written.
  std::vector<std::string> PullFiles(const std::string& folder) {
    std::vector<std::string> texts;
    const std::string path = kubelet_root() + "/image_manager/" + folder;
    for (const os::DirEntry& entry : os::ListDir(path).ValueOr({})) {
      if (entry.name.find('.') == std::string::npos)
        texts.push_back(os::ReadFile(path + "/" + entry.name).ValueOr(""));
    }
    return texts;
  }
  // As they lie on the disk: whole, of a pull that was, and never for everybody.
  void CheckPullRecords(size_t position) {
    const std::vector<std::string> records = PullFiles("pulled");
    for (const std::string& text : records) {
      EXPECT_GT(position, worlds_[pull_].begun) << "a record of a pull that was not";
      const auto record = image_gc::DecodeRecord(text);
      ASSERT_TRUE(record.ok()) << record.error().message();
      for (const auto& [repository, access] : record->by_repository) {
        EXPECT_EQ(repository, registry_->Address() + "/team/private");
        EXPECT_TRUE(!access.everybody && access.secrets.size() == 1) << "anybody may use it";
      }
    }
    // It lasts by itself.
    if (position >= worlds_[pull_].settled) {
      EXPECT_EQ(records.size(), 1u) << "who pulled it is lost";
    }
  }
  // Everything else that is written beside its name, and what is put aside.
  void CheckFiles() {
    const std::string log = os::ReadFile(folder_ + "/kubelet.log").ValueOr("");
    const std::string found = Shell("find " + kubelet_root() + " -name '*.new-*' -o -name '*.bad'");
    for (const std::string_view path : base::Split(found, '\n')) {
      if (path.empty()) continue;
      EXPECT_TRUE(path.ends_with(".bad")) << path << " stays";
      EXPECT_EQ(path.find("/image_manager/"), std::string::npos) << path << " was synced";
      EXPECT_NE(log.find("path=" + std::string(path.substr(0, path.size() - 4))), std::string::npos)
          << path << " is put aside without a word";
    }
  }
  // With the state of the runtime as of `before`.
  void Check(const World& before) {
    Shell("rm -rf " + memory() + "/state/* && cp -al " + before.snapshot + "/. " + memory() +
          "/state");
    BeginBoot();
    PutObjects();
    for (const Asked& pod : world_.pods) PutPod(pod);
    StartRuntime();
    StartKubelet();
    if (HasFatalFailure()) return;
    std::string wrong;
    ASSERT_TRUE(Eventually([&] { return (wrong = Wrong(before.pods)).empty() || HasFailure(); }))
        << wrong;
    CheckFiles();
    for (const Asked& pod : world_.pods) RemoveManifest(pod.name + ".yaml");
    world_.pods.clear();
    ASSERT_TRUE(Eventually([&] { return (wrong = Wrong({})).empty() && IsGone(); })) << wrong;
    const std::string mounts = os::ReadFile("/proc/self/mountinfo").value();
    EXPECT_EQ(mounts.find(" " + kubelet_root() + "/"), std::string::npos) << mounts;
    StopKubelet(SIGTERM);
    const os::CommandResult runtime = RuntimeCommand({"fsck"});
    EXPECT_EQ(ProblemsIn(runtime), "");
    const std::string report = memory() + "/fsck.json";
    ASSERT_TRUE(os::WriteFileAtomic(report, runtime.out, 0600).ok());
    EXPECT_EQ(ProblemsIn(KubeletCommand({"fsck", "--runtime", report})), "");
    StopRuntime(SIGTERM);
    EndOfBoot();
  }
  // What was asked for when the power went, and what the runtime had made durable of it.
  void Check(size_t position, const std::string& image, bool done) {
    size_t last = 0;
    while (last + 1 < worlds_.size() && worlds_[last + 1].begun < position) ++last;
    world_ = worlds_[last];
    MountCut(image);
    if (HasFatalFailure()) return;
    CheckPullRecords(position);
    bool after = done || position >= world_.ended || last == 0;
    // The image comes after the word that it is pulled, and is used only afterwards.
    if (last == pull_ && position < world_.ended)
      after = position >= world_.settled ||
              (done && PullFiles("pulling").size() + PullFiles("pulled").size() > 0);
    Check(worlds_[after ? last : last - 1]);
  }

  std::optional<FakeRegistry> registry_;
  World world_;
  std::vector<World> worlds_;
  std::map<Asked, int> saw_;  // which version of the objects it began with
  std::string boot_, hosts_;
  size_t pull_ = 0;  // the world in which the image was fetched
  size_t begin_ = 0, end_ = 0;
};

TEST_P(KubeletPower, ACutAtAnyWriteHarmsNoPodAndLeavesNothing) {
  Record(kubelet_root());
  ASSERT_FALSE(HasFatalFailure());
  RecordOperations();
  ASSERT_FALSE(HasFailure());
  StopKubelet(SIGTERM);
  StopRuntime(SIGTERM);
  EndRecording();
  ASSERT_FALSE(HasFailure());
  size_t cuts = 0;
  const size_t usual = GetParam() == FileSystem::kExt4 ? 6 : 3;
  ForEachCut(*disk_, begin_, end_, memory(), usual, [&](size_t position, const std::string& image) {
    Check(position, image, cuts++ % 2 == 0);
  });
  std::printf("%s: %zu writes and flushes of %zu operations, %zu cuts\n", NameOf(GetParam()),
              end_ - begin_, worlds_.size(), cuts);
}

INSTANTIATE_TEST_SUITE_P(On, KubeletPower, testing::Values(FileSystem::kExt4, FileSystem::kXfs),
                         [](const auto& file_system) { return NameOf(file_system.param); });

}  // namespace
}  // namespace keelson::power_test
