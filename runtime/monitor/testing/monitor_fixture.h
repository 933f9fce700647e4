// SPDX-License-Identifier: Apache-2.0
// A real anchor, a real monitor, real containers from a busybox root, for tests. After each test
// nothing of them may be left.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>

#include "lib/base/clock.h"
#include "lib/base/ids.h"
#include "lib/base/strings.h"
#include "lib/base/testing/places.h"
#include "lib/kernel/cgroup/cgroup.h"
#include "lib/os/files.h"
#include "lib/os/temp_dir.h"
#include "runtime/monitor/client.h"
#include "runtime/monitor/testing/descendants.h"

namespace keelson::monitor {

class Exits {
 public:
  void Add(const ExitRecord& record) {
    const std::lock_guard lock(mutex_);
    records_[record.container_id] = record;
    changed_.notify_all();
  }
  std::optional<ExitRecord> WaitFor(const std::string& id) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(240), [&] { return records_.contains(id); });
    const auto found = records_.find(id);
    return found == records_.end() ? std::nullopt : std::optional(found->second);
  }
  bool Has(const std::string& id) {
    const std::lock_guard lock(mutex_);
    return records_.contains(id);
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, ExitRecord> records_;
};

class MonitorTest : public testing::Test {
 protected:
  // Where anchor, monitor, log and init are taken from.
  virtual std::string Programs() { return base::BinDir(); }
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    if (!os::Exists("/bin/busybox")) GTEST_SKIP() << "needs busybox-static";
    run_ = "/run/keelson-test-" + base::RandomHex(4);
    for (const std::string& path :
         {run_, run_ + "/pods", run_ + "/pods/p1", state_.path() + "/layer/bin", logs_}) {
      ASSERT_TRUE(os::MakeDirs(path, 0700).ok());
    }
    ASSERT_TRUE(os::WriteFileAtomic(state_.path() + "/layer/bin/busybox",
                                    os::ReadFile("/bin/busybox").value(), 0755)
                    .ok());
    ASSERT_EQ(symlink("busybox", (state_.path() + "/layer/bin/sh").c_str()), 0);
    layout_ = cgroup::DetectLayout().value();
    group_ = "/keelson-test-" + base::RandomHex(4);
    options_ = {run_, state_.path(), Programs(), [] { return std::chrono::minutes(30); }};
    Connect();
    setup_.sandbox_id = "p1";
    setup_.run_dir = run_ + "/pods/p1";
    base::Result<std::unique_ptr<MonitorClient>> pod =
        anchor_->StartMonitor(setup_, {}, OnExit(), OnLost());
    ASSERT_TRUE(pod.ok()) << pod.error().message()
                          << os::ReadFile(run_ + "/anchor.log").ValueOr("");
    pod_ = std::move(pod).value();
  }

  void TearDown() override {
    if (pod_) {
      EXPECT_TRUE(pod_->Shutdown().ok());
    }
    pod_.reset();
    if (anchor_) {
      const base::Status stopped = anchor_->Stop();
      EXPECT_TRUE(stopped.ok()) << stopped.error().message();
      if (!stopped.ok()) KillDescendants();
    }
    anchor_.reset();
    if (layout_) {
      EXPECT_TRUE(cgroup::Group(*layout_, group_).Remove().ok());
    }
    // The anchor and the log process end a moment after they were told.
    (void)WaitUntil([&] { return LeftOver().empty(); });
    EXPECT_EQ(LeftOver(), "");
    if (!run_.empty()) {
      EXPECT_TRUE(os::RemoveTree(run_).ok());
    }
  }

  // Our processes that still run: known by the pod's or the run directory's name in their command
  // line.
  std::string LeftOver() const {
    std::string found;
    for (const os::DirEntry& entry : os::ListDir("/proc").value()) {
      if (!base::ParseUint64(entry.name)) continue;
      const std::string line = os::ReadFile("/proc/" + entry.name + "/cmdline").ValueOr("");
      if (line.starts_with("keelson-") && line.find(run_) != std::string::npos) found += line;
    }
    return found;
  }

  void Connect() {
    base::Result<std::unique_ptr<Anchor>> anchor = ConnectAnchor(options_);
    ASSERT_TRUE(anchor.ok()) << anchor.error().message();
    anchor_ = std::move(anchor).value();
  }
  MonitorClient::ExitHandler OnExit() {
    return [this](const ExitRecord& record) { exits_.Add(record); };
  }
  MonitorClient::LostHandler OnLost() {
    return [this] { lost_ = true; };
  }

  spec::ContainerSpec Spec(const std::string& id, const std::string& script) {
    for (const char* part : {"/upper", "/work"})
      EXPECT_TRUE(os::MakeDirs(state_.path() + "/" + id + part, 0755).ok());
    cgroup::Group group(*layout_, group_ + "/" + id);
    const base::Status made = group.Create();
    EXPECT_TRUE(made.ok()) << (made.ok() ? "" : made.error().message());
    spec::ContainerSpec spec;
    spec.id = id;
    spec.lower_layers = {state_.path() + "/layer"};
    spec.upper = state_.path() + "/" + id + "/upper";
    spec.work = state_.path() + "/" + id + "/work";
    spec.process.args = {"sh", "-c", script};
    spec.process.env = {"PATH=/bin"};
    spec.process.capabilities = {0xa80425fb, 0xa80425fb, 0xa80425fb, 0, 0};
    spec.mounts = {
        {.kind = spec::Mount::Kind::kProc, .destination = "/proc"},
        {.kind = spec::Mount::Kind::kTmpfs, .destination = "/dev", .options = "mode=755"},
        {.kind = spec::Mount::Kind::kPodShm, .destination = "/dev/shm"}};
    spec.devices = {{"/dev/null", S_IFCHR | 0666, 1, 3, 0, 0}};
    spec.cgroup_paths = group.V1Directories();
    spec.unified_cgroup = group.UnifiedDirectory();
    spec.memory_cgroup = group.MemoryDirectory();
    spec.log_name = id + ".log";
    return spec;
  }
  base::Result<StartedContainer> Start(const std::string& id, const std::string& script) {
    return pod_->Start(Spec(id, script), {}, LogDir());
  }
  // A container that goes on until /stop is there. Its end may be the end of the command as well.
  void MakeStop(const std::string& id) {
    const base::Result<ExecResult> made =
        pod_->Exec({.container_id = id, .process = Command("echo >/stop")});
    EXPECT_TRUE(made.ok()) << made.error().message();
  }
  os::UniqueFd LogDir() { return std::move(os::Open(logs_, O_RDONLY | O_DIRECTORY)).value(); }
  std::string Log(const std::string& id) {
    std::string text;
    const std::string content =
        os::ReadFile(logs_ + "/" + id + ".log", size_t{1} << 30).ValueOr("");
    for (const std::string_view line : base::Split(content, '\n')) {
      if (line.size() > 31) text += std::string(line.substr(31)) + "\n";
    }
    return text;
  }
  // Once `text` is in it: an exit is told without its whole log where writing that takes long.
  std::string LogWith(const std::string& id, const std::string& text) {
    EXPECT_TRUE(WaitUntil([&] { return Log(id).find(text) != std::string::npos; }))
        << "no \"" << text << "\" in:\n"
        << Log(id);
    return Log(id);
  }
  pid_t MonitorPid() const {
    for (const os::DirEntry& entry : os::ListDir("/proc").value()) {
      const std::string line = os::ReadFile("/proc/" + entry.name + "/cmdline").ValueOr("");
      if (line != std::string("keelson-monitor\0p1\0", 19)) continue;
      // Another test run on this machine has a pod of this name too: ours has our run directory in
      // its mount table.
      if (os::ReadFile("/proc/" + entry.name + "/mountinfo").ValueOr("").find(run_) !=
          std::string::npos)
        return std::stoi(entry.name);
    }
    return -1;
  }
  // Known as MonitorPid() is; of this pod alone where there are several.
  pid_t LogPid() const {
    for (const os::DirEntry& entry : os::ListDir("/proc").value()) {
      const std::string line = os::ReadFile("/proc/" + entry.name + "/cmdline").ValueOr("");
      if (line.starts_with("keelson-log") &&
          os::ReadFile("/proc/" + entry.name + "/mountinfo").ValueOr("").find(run_) !=
              std::string::npos)
        return std::stoi(entry.name);
    }
    return -1;
  }
  bool WaitUntil(const std::function<bool()>& condition) {
    const base::SteadyTime deadline = base::SystemClock().Steady() + std::chrono::seconds(240);
    while (!condition()) {
      if (base::SystemClock().Steady() > deadline) return condition();
      (void)poll(nullptr, 0, 10);
    }
    return true;
  }
  spec::Process Command(const std::string& script) {
    spec::Process process;
    process.args = {"sh", "-c", script};
    process.env = {"PATH=/bin"};
    process.capabilities = {0xa80425fb, 0xa80425fb, 0xa80425fb, 0, 0};
    return process;
  }

  os::TempDir state_ = std::move(os::TempDir::Create("keelson-monitor")).value();
  std::string run_, group_, logs_ = state_.path() + "/logs";
  std::optional<cgroup::Layout> layout_;
  AnchorOptions options_;
  PodSetup setup_;
  Exits exits_;
  std::atomic<bool> lost_{false};
  std::unique_ptr<Anchor> anchor_;
  std::unique_ptr<MonitorClient> pod_;
};

}  // namespace keelson::monitor
