// SPDX-License-Identifier: Apache-2.0
// Daemons, and monitors of pods, killed with SIGKILL at random moments while pods come and go:
// containers go on, logs lose no line, and after a restart status, exit codes and restarts are
// right. KEELSON_TEST_SEED repeats the choices of a run, KEELSON_CRASH_ROUNDS makes it long
// (scripts/crash). What a pod did it tells itself, line by line, in a file on the host.
#include <gmock/gmock.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <random>

#include "lib/base/strings.h"
#include "lib/kernel/cgroup/cgroup.h"
#include "lib/os/files.h"
#include "tests/component/node_fixture.h"

namespace keelson::node_test {
namespace {

// What a pod does, and how one sees that it was right.
enum class Kind { kCounts, kDone, kFails, kKilled, kRetries, kAgain, kInit, kHook };
constexpr const char* kNames[] = {"counts",  "done",  "fails", "killed",
                                  "retries", "again", "init",  "hook"};
constexpr int kKinds = 8;
constexpr size_t kMostPods = 9;

struct Expected {
  Kind kind = Kind::kCounts;
  int kills_at_birth = 0;
  std::string container;  // the id seen first, of those that must never be made anew
};

class CrashTest : public NodeTest {
 protected:
  void SetUp() override {
    NodeTest::SetUp();
    if (IsSkipped()) return;
    const char* seed = std::getenv("KEELSON_TEST_SEED");
    seed_ = seed != nullptr ? std::strtoul(seed, nullptr, 10) : std::random_device()();
    const char* rounds = std::getenv("KEELSON_CRASH_ROUNDS");
    rounds_ = rounds != nullptr ? std::atoi(rounds) : 30;
    random_.seed(static_cast<std::mt19937::result_type>(seed_));
    std::fprintf(stderr, "seed: KEELSON_TEST_SEED=%lu, %d rounds\n", seed_, rounds_);
    ASSERT_TRUE(os::MakeDirs(Marks(), 0755).ok());
  }

  int Random(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random_); }
  static void Pause(int milliseconds) { (void)poll(nullptr, 0, milliseconds); }
  std::string Marks() const { return dir_.path() + "/marks"; }
  std::vector<std::string> MarksOf(const std::string& pod) {
    std::vector<std::string> lines;
    const std::string text = os::ReadFile(Marks() + "/" + pod).ValueOr("");
    for (const std::string_view line : base::Split(text, '\n')) {
      if (!line.empty()) lines.emplace_back(line);
    }
    return lines;
  }
  int Marked(const std::string& pod, const std::string& what) {
    const std::vector<std::string> lines = MarksOf(pod);
    return static_cast<int>(std::count(lines.begin(), lines.end(), what));
  }

  // --- pods
  void Add() {
    const Kind kind = static_cast<Kind>(Random(0, kKinds - 1));
    const std::string name =
        std::string(kNames[static_cast<int>(kind)]) + "-" + std::to_string(++made_);
    std::fprintf(stderr, "  + %s\n", name.c_str());
    ASSERT_TRUE(os::WriteFileAtomic(Marks() + "/" + name, "", 0666).ok());
    PutManifest(name + ".yaml", Manifest(kind, name));
    pods_[name] = {kind, kills_, ""};
  }

  std::string Manifest(Kind kind, const std::string& name) {
    const std::string time =
        std::to_string(Random(1, 15) / 10) + "." + std::to_string(Random(0, 9));
    const std::string mark = "echo start >>/m; ",
                      count = "n=0; while true; do n=$((n+1)); echo line $n; sleep 0.02; done";
    std::string script, spec = "  restartPolicy: Never\n",
                        container = "      volumeMounts: [{name: m, mountPath: /m}]\n";
    const auto init = [&](const std::string& which) {
      return "    - name: " + which +
             "\n      image: docker.io/library/busybox:demo\n      command: [/bin/sh, -c, 'echo " +
             which + " >>/m; sleep 0." + std::to_string(Random(0, 9)) +
             "']\n      volumeMounts: [{name: m, mountPath: /m}]\n";
    };
    switch (kind) {
      case Kind::kCounts:
        script = mark + count;
        spec = "";
        break;
      case Kind::kDone:
        script = mark + "sleep " + time + "; echo end >>/m; exit 0";
        break;
      case Kind::kFails:
        script = mark + "sleep " + time + "; echo end >>/m; exit 7";
        break;
      case Kind::kKilled:
        script = mark + "sleep " + time + "; echo end >>/m; kill -9 $$$$";
        spec += "  shareProcessNamespace: true\n";  // the kernel kills no process 1 from within
        break;
      case Kind::kRetries:
        script = mark + "sleep " + time + "; [ $(wc -l </m) -ge 2 ] && exit 0; exit 7";
        spec = "  restartPolicy: OnFailure\n";
        break;
      case Kind::kAgain:
        script = mark + "sleep " + time + "; exit 0";
        spec = "";
        break;
      case Kind::kInit:
        script = mark + count;
        spec = "  initContainers:\n" + init("one") + init("two");
        break;
      case Kind::kHook:
        script = mark + "trap \"exit 0\" TERM; while true; do sleep 0.1; done";
        spec = "";
        container +=
            "      lifecycle: {preStop: {exec: {command: [/bin/sh, -c, 'echo stop >>/m']}}}\n";
        break;
    }
    spec += "  volumes: [{name: m, hostPath: {path: " + Marks() + "/" + name + ", type: File}}]\n";
    std::string text = BusyboxPod(name, script, spec, container);
    // The time that the hook may take, too.
    if (kind == Kind::kHook) text.replace(text.find("Seconds: 1\n"), 11, "Seconds: 60\n");
    return text;
  }

  void Remove(const std::string& name) {
    std::fprintf(stderr, "  - %s\n", name.c_str());
    if (pods_.at(name).kind == Kind::kHook && Marked(name, "start") > 0)
      stopped_hooks_.push_back(name);
    RemoveManifest(name + ".yaml");
    pods_.erase(name);
  }
  std::string AnyPod() {
    auto chosen = pods_.begin();
    std::advance(chosen, Random(0, static_cast<int>(pods_.size()) - 1));
    return chosen->first;
  }

  // --- kills
  void KillRuntime() {
    ++kills_;
    StopRuntime(SIGKILL);
    Pause(Random(0, 3) == 0 ? Random(0, 1000) : 0);
    SpawnRuntime();
  }
  void KillKubelet() {
    ++kills_;
    StopKubelet(SIGKILL);
    Pause(Random(0, 3) == 0 ? Random(0, 1000) : 0);
    SpawnKubelet();
  }
  // False: there is none just now.
  bool KillMonitor() {
    std::vector<pid_t> monitors;
    for (const auto& [pid, arguments] : SmallProcesses()) {
      if (arguments.starts_with("keelson-monitor ")) monitors.push_back(pid);
    }
    if (monitors.empty()) return false;
    const pid_t pid =
        monitors[static_cast<size_t>(Random(0, static_cast<int>(monitors.size()) - 1))];
    const base::Result<os::UniqueFd> process = os::OpenPidfd(pid);
    if (!process.ok() || !os::ReadFile("/proc/" + std::to_string(pid) + "/cmdline")
                              .ValueOr("")
                              .starts_with("keelson-monitor"))
      return false;
    ++kills_;
    return os::SignalPidfd(process->get(), SIGKILL).ok();
  }
  void Kill() {
    const int what = Random(0, 9);
    const bool runtime = what <= 3 || what == 9, kubelet = what >= 8,
               monitor = what >= 4 && what <= 7;
    std::fprintf(stderr, "  x%s%s%s\n", runtime ? " runtime" : "", kubelet ? " kubelet" : "",
                 monitor ? " monitor" : "");
    if (monitor) (void)KillMonitor();
    if (runtime) KillRuntime();
    if (kubelet) KillKubelet();
    if (monitor && Random(0, 2) == 0) KillRuntime();  // both at about the same time
  }
  void Settle() {
    client_ = cri_client::ConnectRuntime(run_ + "/cri.sock");
    ASSERT_TRUE(Eventually([&] { return client_->Version().ok(); })) << DaemonLogs();
    ASSERT_TRUE(Eventually([&] { return Get("/healthz") == "ok"; })) << DaemonLogs();
  }

  // --- what must hold
  // Empty: all is as it must be. `last`: nothing more will happen to it.
  std::string Wrong(const std::string& name, Expected& expected) {
    const std::string phase = Status(name).At({"phase"}).AsString();
    const json::Value main = Container(name, "main");
    const int64_t restarts = main.At({"restartCount"}).AsInt();
    const int64_t code = main.At({"state", "terminated", "exitCode"}).AsInt();
    const int starts = Marked(name, "start"), kills = kills_ - expected.kills_at_birth;
    const auto told = [&](const std::string& what) {
      return name + ": " + what + "; phase " + phase + ", restarts " + std::to_string(restarts) +
             ", exit code " + std::to_string(code) + ", marks [" + base::Join(MarksOf(name), " ") +
             "]";
    };
    const auto ended = [&](const char* wanted_phase, int wanted_code,
                           int wanted_starts) -> std::string {
      if (phase != wanted_phase) return told(std::string("should be ") + wanted_phase);
      if (main.At({"state", "terminated"}).IsNull() || code != wanted_code)
        return told("should have ended with " + std::to_string(wanted_code));
      if (starts != wanted_starts)
        return told("should have run " + std::to_string(wanted_starts) + " times");
      if (restarts < starts - 1 || restarts > starts - 1 + kills) return told("restart count");
      return "";
    };
    const auto runs_on = [&]() -> std::string {
      if (!IsReady(name)) return told("should be ready");
      if (starts != 1 || restarts > kills) return told("should have been started once");
      return "";
    };
    switch (expected.kind) {
      case Kind::kDone:
        return ended("Succeeded", 0, 1);
      case Kind::kFails:
        return ended("Failed", 7, 1);
      case Kind::kKilled:
        return ended("Failed", 137, 1);
      case Kind::kRetries:
        return ended("Succeeded", 0, 2);
      case Kind::kAgain: {
        if (starts < 1 || restarts < starts - 1 || restarts > starts - 1 + kills)
          return told("runs and restarts differ");
        const json::Value& last = main.At({"lastState", "terminated", "exitCode"});
        return !last.IsNull() && last.AsInt() != 0
                   ? told("should have ended with 0, not " + std::to_string(last.AsInt()))
                   : "";
      }
      case Kind::kCounts:
      case Kind::kHook:
        return runs_on();
      case Kind::kInit: {
        if (const std::string wrong = runs_on(); !wrong.empty()) return wrong;
        return MarksOf(name) == std::vector<std::string>{"one", "two", "start"}
                   ? ""
                   : told("init containers in order, once each");
      }
    }
    return "";
  }

  // Every line once, in order, from the first.
  void CheckCountingLog(const std::string& name) {
    const std::vector<std::string> lines = LogLines(name + "-node", "main");
    ASSERT_FALSE(lines.empty()) << name;
    for (size_t i = 0; i < lines.size(); ++i) {
      ASSERT_THAT(lines[i], testing::EndsWith(" stdout F line " + std::to_string(i + 1)))
          << name << " of " << lines.size();
    }
  }

  void CheckNothingOfPodsIsLeft() {
    EXPECT_TRUE(Eventually([&] { return IsGone() && Runtime().ListContainers().value().empty(); }))
        << Get("/pods");
    EXPECT_TRUE(Eventually([&] { return os::ListDir(kubelet_root() + "/pods").value().empty(); }));
    EXPECT_TRUE(Eventually([&] { return os::ListDir(logs()).value().empty(); }));
    for (const os::DirEntry& entry : os::ListDir(logs()).value())
      ADD_FAILURE() << "left over: " << entry.name;
    EXPECT_TRUE(Eventually([&] {
      const auto small = SmallProcesses();
      return small.size() == 1 && small[0].second.find("keelson-anchor") != std::string::npos;
    }));
    for (const auto& [pid, arguments] : SmallProcesses()) {
      if (arguments.find("keelson-anchor") == std::string::npos)
        ADD_FAILURE() << "left over: " << pid << " " << arguments;
    }
    for (const std::string& directory :
         {run_ + "/pods", run_ + "/netns", state() + "/pods", state() + "/containers"}) {
      for (const os::DirEntry& entry : os::ListDir(directory).value())
        ADD_FAILURE() << "left over: " << directory << "/" << entry.name;
    }
    EXPECT_FALSE(os::Exists(state() + "/quarantine"));
    EXPECT_THAT(cgroup::Group(cgroup::DetectLayout().value(), cgroup_root_).Processes().ValueOr({}),
                testing::IsEmpty());
  }

  unsigned long seed_ = 0;
  int rounds_ = 0, made_ = 0, kills_ = 0;
  std::mt19937 random_;
  std::map<std::string, Expected> pods_;
  std::vector<std::string> stopped_hooks_;
};

TEST_F(CrashTest, KillsAtAnyMomentHarmNoPodAndNoExitCode) {
  LoadImage("busybox");
  StartRuntime();
  StartKubelet();
  for (int round = 0; round < rounds_ && !HasFailure(); ++round) {
    std::fprintf(stderr, "round %d, %zu pods\n", round, pods_.size());
    const int changes = Random(0, 2);
    for (int i = 0; i < changes && pods_.size() < kMostPods; ++i) Add();
    if (pods_.size() >= kMostPods || (!pods_.empty() && Random(0, 5) == 0)) Remove(AnyPod());
    Pause(Random(0, 2) == 0 ? Random(0, 600) : Random(0, 60));
    Kill();
    if (Random(0, 3) != 0) continue;  // the next kill meets a daemon that just begins
    ASSERT_NO_FATAL_FAILURE(Settle());
    for (auto& [name, expected] : pods_) {
      if (expected.kind != Kind::kCounts && expected.kind != Kind::kInit) continue;
      const std::string id = Container(name, "main").At({"containerID"}).AsString();
      if (id.empty() || Container(name, "main").At({"state", "running"}).IsNull()) continue;
      if (expected.container.empty()) expected.container = id;
      EXPECT_EQ(expected.container, id) << name;
    }
  }
  ASSERT_NO_FATAL_FAILURE(Settle());
  for (auto& [name, expected] : pods_) {
    EXPECT_TRUE(Eventually([&] { return Wrong(name, expected).empty(); }, HasFailure() ? 5 : 60))
        << Wrong(name, expected) << "\n"
        << Get("/explain/default/" + name + "-node");
    if (expected.kind == Kind::kCounts || expected.kind == Kind::kInit) CheckCountingLog(name);
  }
  std::vector<std::string> all;
  for (const auto& [name, expected] : pods_) all.push_back(name);
  for (const std::string& name : all) Remove(name);
  CheckNothingOfPodsIsLeft();
  for (const std::string& name : stopped_hooks_) EXPECT_GE(Marked(name, "stop"), 1) << name;
  std::fprintf(stderr, "%d pods, %d kills\n", made_, kills_);
}

}  // namespace
}  // namespace keelson::node_test
