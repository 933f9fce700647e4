// SPDX-License-Identifier: Apache-2.0
// A node before and after a reboot, with its real runtime and kubelet: whatever ran is reported as
// ended, by 255 and a reason that names the reboot, never as 0; what had ended keeps its own code
// and is not run again; the DELs of network plugins that are owed run, without a namespace; restart
// counts go on from where they were, and nothing is left of the boot before.
// KEELSON_REBOOT_PHASE=before|after with KEELSON_REBOOT_FOLDER: half of it each, for a machine that
// is really restarted in between (scripts/reboot). Else the test does to the kernel's things what a
// reboot does, and puts another boot id over the kernel's.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>

#include "lib/base/ids.h"
#include "lib/base/strings.h"
#include "lib/kernel/cgroup/cgroup.h"
#include "lib/os/files.h"
#include "tests/component/node_fixture.h"

namespace keelson::node_test {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr char kBootId[] = "/proc/sys/kernel/random/boot_id";
constexpr char kPods[] = "/run/netns";  // where plugins and their daemons look

// Gives an address and no link, and writes down what it is asked.
constexpr char kPlugin[] = R"(#!/bin/sh
cat >/dev/null
case $CNI_COMMAND in
VERSION) echo '{"cniVersion":"1.1.0","supportedVersions":["1.0.0","1.1.0"]}' ;;
*) echo "$CNI_COMMAND '$CNI_NETNS' $CNI_CONTAINERID" >>"$(dirname "$0")/calls" ;;
esac
[ "$CNI_COMMAND" != ADD ] || echo '{"cniVersion":"1.1.0","ips":[{"address":"10.9.0.2/24"}]}'
)";

class Reboot : public NodeTest {
 protected:
  static std::string From(const char* variable) {
    const char* text = std::getenv(variable);
    return text == nullptr ? "" : text;
  }
  const std::string phase_ = From("KEELSON_REBOOT_PHASE");

  void SetUp() override {
    NodeTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    if (!phase_.empty()) {
      folder_ = From("KEELSON_REBOOT_FOLDER");
      if (phase_ == "after") id_ = std::string(base::Trim(os::ReadFile(folder_ + "/id").value()));
      run_ = "/run/keelson-test-" + id_;
      cgroup_root_ = "/keelson-test-" + id_;
      endpoint_ = run_ + "/cri.sock";
      kubelet_root_ = folder_ + "/kubelet";
    }
    // Plugins' namespaces are at one place for all the machine: for this test, one of its own.
    ASSERT_TRUE(os::MakeDirs(kPods, 0755).ok());
    ASSERT_EQ(mount("tmpfs", kPods, "tmpfs", 0, nullptr), 0);
    if (phase_.empty()) NewBootId();
    if (phase_ != "after") Prepare();
  }
  void TearDown() override {
    if (phase_ == "before" && !HasFailure()) return;  // as it is: the machine goes down
    if (phase_.empty()) (void)umount2(kBootId, MNT_DETACH);
    NodeTest::TearDown();
    (void)umount2(kPods, MNT_DETACH);
  }
  void NewBootId() {
    const std::string file = dir_.path() + "/boot-id";
    const bool mounted = os::Exists(file);
    // The same file: it is mounted over the kernel's.
    ASSERT_TRUE(os::WriteAll(os::Open(file, O_WRONLY | O_CREAT | O_TRUNC, 0644).value().get(),
                             base::RandomHex(16) + "\n")
                    .ok());
    if (!mounted) {
      ASSERT_EQ(mount(file.c_str(), kBootId, nullptr, MS_BIND, nullptr), 0);
    }
  }
  void Prepare() {
    for (const std::string& folder :
         {manifests(), folder_ + "/objects", folder_ + "/config", kubelet_settings(),
          folder_ + "/plugins", folder_ + "/net.d", folder_ + "/marks"})
      ASSERT_TRUE(os::MakeDirs(folder, 0755).ok());
    SetKubelet("00-no-thresholds", "evictionHard: {}\n");
    const auto write = [this](const std::string& file, const std::string& text, mode_t mode) {
      ASSERT_TRUE(os::WriteFileAtomic(folder_ + "/" + file, text, mode).ok());
    };
    write("id", id_ + "\n", 0644);
    write("plugins/scripted", kPlugin, 0755);
    write("net.d/1.conflist",
          R"({"cniVersion":"1.1.0","name":"t","plugins":[{"type":"scripted"}]})", 0644);
    write("config/runtime.yaml",
          "network: cni\ncni-conf-dir: " + folder_ + "/net.d\ncni-bin-dirs: " + folder_ +
              "/plugins\n",
          0644);
  }

  // Each notes on the host that it began.
  void Put(const std::string& name, const std::string& script, const std::string& spec = "") {
    PutManifest(
        name + ".yaml",
        BusyboxPod(name, "echo x >>/marks/" + name + "; " + script,
                   spec + "  volumes: [{name: m, hostPath: {path: " + folder_ + "/marks}}]\n",
                   "      imagePullPolicy: Never\n"
                   "      volumeMounts: [{name: m, mountPath: /marks}]\n"));
  }
  size_t Runs(const std::string& name) {
    return os::ReadFile(folder_ + "/marks/" + name).ValueOr("").size() / 2;
  }
  std::string Calls() { return os::ReadFile(folder_ + "/plugins/calls").ValueOr(""); }
  std::string Phase(const std::string& name) { return Status(name).At({"phase"}).AsString(); }
  int64_t Restarts(const std::string& name) {
    return Container(name, "main").At({"restartCount"}).AsInt();
  }
  bool Runs(const std::string& name, int64_t restarts) {
    return Container(name, "main").At({"state"}).At({"running"}).IsObject() &&
           Restarts(name) == restarts;
  }

  void Before() {
    LoadImage("busybox");
    StartRuntime();
    StartKubelet();
    const std::string lives = "while true; do sleep 1; done", never = "  restartPolicy: Never\n";
    Put("steady", lives);
    Put("twice", "[ $(wc -l </marks/twice) -ge 2 ] || exit 3; " + lives);
    Put("once", lives, never);
    Put("polite", "trap \"exit 0\" TERM; " + lives, never);
    Put("done", "exit 0", never);
    Put("failed", "exit 7", never);
    ASSERT_TRUE(Eventually([&] {
      return Runs("steady", 0) && Runs("twice", 1) && Runs("once", 0) && Runs("polite", 0) &&
             Phase("done") == "Succeeded" && Phase("failed") == "Failed";
    })) << Get("/pods");
  }

  // All that lives, and every file system in memory, goes.
  void RestartTheMachine() {
    client_.reset();
    StopKubelet(SIGKILL);
    StopRuntime(SIGKILL);
    for (const auto& [pid, arguments] : SmallProcesses()) (void)kill(pid, SIGKILL);
    const cgroup::Group pods(cgroup::DetectLayout().value(), cgroup_root_);
    EXPECT_TRUE(pods.Kill().ok());
    EXPECT_TRUE(pods.Remove(std::chrono::seconds(60)).ok());
    ASSERT_TRUE(Eventually([&] { return SmallProcesses().empty(); }));
    // The deepest first.
    std::vector<std::string> mounts;
    const std::string table = os::ReadFile("/proc/self/mountinfo").value();
    for (const std::string_view line : base::Split(table, '\n')) {
      const std::vector<std::string_view> words = base::Split(line, ' ');
      if (words.size() < 5) continue;
      const std::string place(words[4]);
      if (place.starts_with(run_) || place.starts_with(folder_ + "/") || place.starts_with(kPods))
        mounts.push_back(place);
    }
    for (auto place = mounts.rbegin(); place != mounts.rend(); ++place)
      (void)umount2(place->c_str(), MNT_DETACH);
    ASSERT_TRUE(os::RemoveTree(run_).ok());
    ASSERT_EQ(mount("tmpfs", kPods, "tmpfs", 0, nullptr), 0);
    NewBootId();
  }

  void After() {
    const std::string before = Calls();
    StartRuntime();
    if (HasFatalFailure()) return;
    // Before anybody asks for anything.
    std::vector<std::string> sandboxes;
    for (const cri::PodSandbox& pod : Runtime().ListPodSandboxes().value()) {
      EXPECT_EQ(pod.state(), cri::SANDBOX_NOTREADY) << pod.metadata().name();
      sandboxes.push_back(pod.id());
    }
    EXPECT_EQ(sandboxes.size(), 6u);
    for (const cri::Container& container : Runtime().ListContainers().value()) {
      const std::string pod = container.labels().at("io.kubernetes.pod.name");
      const cri::ContainerStatus status = Runtime().ContainerStatus(container.id()).value();
      EXPECT_EQ(status.state(), cri::CONTAINER_EXITED) << pod;
      EXPECT_GT(status.finished_at(), status.started_at()) << pod;
      const bool first_of_twice = pod == "twice-node" && container.metadata().attempt() == 0;
      const int own = first_of_twice ? 3 : pod == "done-node" ? 0 : pod == "failed-node" ? 7 : 255;
      EXPECT_EQ(status.exit_code(), own) << pod;
      if (own != 255) continue;
      EXPECT_EQ(status.reason(), "NodeReboot") << pod;
      EXPECT_EQ(status.message(), "the machine was restarted") << pod;
    }
    // Each attachment of the boot before is given back, once, by the one who made it.
    EXPECT_TRUE(Eventually([&] {
      const std::string calls = Calls();
      return std::all_of(sandboxes.begin(), sandboxes.end(), [&](const std::string& id) {
        return calls.find("DEL '' " + id) != std::string::npos ||
               before.find("DEL '/run/netns/kl-" + id.substr(0, 32) + "' " + id) !=
                   std::string::npos;
      });
    })) << Calls();
    EXPECT_TRUE(Eventually([&] { return Calls().find("GC ''") != std::string::npos; })) << Calls();
    EXPECT_TRUE(os::ListDir(kPods).value().empty());
    for (const std::string& id : sandboxes) {
      const std::string calls = Calls(), call = "' " + id + "\n";
      int dels = 0;
      for (size_t at = 0; (at = calls.find(call, at)) != std::string::npos; ++at) {
        const size_t line = calls.rfind('\n', at) + 1;
        dels += calls.compare(line, 4, "DEL ") == 0 ? 1 : 0;
      }
      EXPECT_EQ(dels, 1) << id << " in " << calls;
    }

    StartKubelet();
    ASSERT_TRUE(Eventually([&] {
      return Runs("steady", 1) && Runs("twice", 2) && Phase("once") == "Failed" &&
             Phase("polite") == "Failed" && Phase("done") == "Succeeded" &&
             Phase("failed") == "Failed";
    })) << Get("/pods")
        << DaemonLogs();
    for (const char* name : {"steady", "twice"}) {
      const json::Value last = Container(name, "main").At({"lastState"}).At({"terminated"});
      EXPECT_EQ(last.At({"exitCode"}).AsInt(), 255) << name;
      EXPECT_EQ(last.At({"reason"}).AsString(), "NodeReboot") << name;
      EXPECT_EQ(last.At({"message"}).AsString(), "the machine was restarted") << name;
    }
    for (const auto& [name, code] : {std::pair("once", 255), std::pair("polite", 255),
                                     std::pair("done", 0), std::pair("failed", 7)}) {
      const json::Value main = Container(name, "main");
      EXPECT_EQ(main.At({"state"}).At({"terminated"}).At({"exitCode"}).AsInt(), code) << name;
      EXPECT_EQ(main.At({"restartCount"}).AsInt(), 0) << name;
      EXPECT_EQ(Runs(name), 1u) << name << " was run again";
    }
    EXPECT_EQ(Runs("steady"), 2u);
    EXPECT_EQ(Runs("twice"), 3u);
    for (const char* name : {"steady", "twice", "once", "polite", "done", "failed"})
      RemoveManifest(std::string(name) + ".yaml");
    EXPECT_TRUE(Eventually([&] { return IsGone(); }));
    EXPECT_TRUE(Eventually([&] { return os::ListDir(kPods).value().empty(); })) << Calls();
  }
};

TEST_F(Reboot, WhatRanHasEndedAndGoesOnAsItShould) {
  if (phase_ != "after") Before();
  if (HasFatalFailure()) return;
  if (phase_.empty()) RestartTheMachine();
  if (HasFatalFailure()) return;
  if (phase_ != "before") After();
}

}  // namespace
}  // namespace keelson::node_test
