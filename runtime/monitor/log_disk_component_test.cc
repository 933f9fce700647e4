// SPDX-License-Identifier: Apache-2.0
// A log disk that is full, frozen or slow, a log over its rate, and a log process that is killed:
// no container waits for longer than it was told to, no end is late, no other pod notices, and
// what is lost is counted in the log to the byte.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <linux/fs.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <thread>

#include "lib/os/pipe.h"
#include "lib/os/process.h"
#include "runtime/monitor/testing/monitor_fixture.h"

namespace keelson::monitor {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

// Numbered lines, long ones: what counts here is bytes.
constexpr int kPadding = 900;
std::string Lines(int lines) {
  return "/bin/busybox awk 'BEGIN{for(i=1;i<=" + std::to_string(lines) + ";i++)printf \"%d %0" +
         std::to_string(kPadding) + "d\\n\",i,0}'";
}
// What they come to in a log.
uint64_t BytesOf(uint64_t lines) {
  uint64_t bytes = 0;
  for (uint64_t i = 1; i <= lines; ++i)
    bytes += std::string_view("2026-01-01T00:00:00.000000000Z stdout F ").size() +
             std::to_string(i).size() + 1 + kPadding + 1;
  return bytes;
}

struct Found {
  uint64_t lines = 0, last = 0;
  uint64_t kept = 0;  // bytes
  uint64_t lost = 0;  // bytes, by the markers
  int markers = 0;
  std::string strange;  // a line that is no entry, or one that is missing without a marker
};

Found Read(const std::string& log) {
  Found found;
  bool may_skip = false;
  for (const std::string_view line : base::Split(log, '\n')) {
    if (line.empty()) continue;
    const std::string_view text = line.size() > 31 ? line.substr(31) : "";
    if (const size_t at = text.find(" F [keelson: "); at != std::string_view::npos) {
      const std::string_view words = text.substr(at + 13);
      found.lost += base::ParseUint64(words.substr(0, words.find(' '))).value_or(0);
      ++found.markers;
      may_skip = true;
      continue;
    }
    const auto number = text.starts_with("stdout F ")
                            ? base::ParseUint64(text.substr(9, text.find(' ', 9) - 9))
                            : std::nullopt;
    const bool next = number && (may_skip ? *number > found.last : *number == found.last + 1);
    if (!next && found.strange.empty())
      found.strange = std::string(line) + " after " + std::to_string(found.last);
    found.last = number.value_or(found.last);
    found.kept += line.size() + 1;
    ++found.lines;
    may_skip = false;
  }
  return found;
}

class LogDiskTest : public MonitorTest {
 protected:
  void TearDown() override {
    Thaw();
    guard_.reset();
    MonitorTest::TearDown();
    disk_.reset();
    if (mounted_) (void)umount2(logs_.c_str(), MNT_DETACH);
  }
  void MountTmpfs(const char* options) {
    ASSERT_EQ(mount("tmpfs", logs_.c_str(), "tmpfs", 0, options), 0) << strerror(errno);
    mounted_ = true;
  }
  static os::CommandResult Run(std::vector<std::string> argv) {
    return std::move(os::RunCommand(
                         {.argv = std::move(argv), .env = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}},
                         "", seconds(120)))
        .value();
  }
  void MountExt4() {
    const std::string image = state_.path() + "/disk.img";
    ASSERT_EQ(Run({"/usr/bin/truncate", "-s", "64M", image}).status.code(), 0);
    const os::CommandResult made = Run({"/sbin/mkfs.ext4", "-q", image});
    ASSERT_EQ(made.status.code(), 0) << made.err;
    if (!os::Exists("/dev/loop-control")) (void)Run({"/sbin/modprobe", "loop"});
    const os::CommandResult done = Run({"/bin/mount", "-o", "loop", image, logs_});
    ASSERT_EQ(done.status.code(), 0) << done.err;
    mounted_ = true;
    disk_ = std::move(os::Open(logs_, O_RDONLY | O_DIRECTORY)).value();
    // Thaws when this process is gone, whichever way.
    os::Pipe pipe = std::move(os::CreatePipe()).value();
    guard_ = std::move(pipe.write_end);
    os::ChildProcess guard =
        std::move(os::ChildProcess::Spawn(
                      {.argv = {"/bin/sh", "-c", "read x; fsfreeze -u " + logs_ + " 2>/dev/null"},
                       .env = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"},
                       .fds = {{pipe.read_end.get(), 0}},
                       .new_session = true}))
            .value();
    guard.Release();
  }
  void Freeze() { ASSERT_EQ(ioctl(disk_.get(), FIFREEZE, 0), 0) << strerror(errno); }
  void Thaw() {
    if (disk_) (void)ioctl(disk_.get(), FITHAW, 0);
  }
  std::string Whole(const std::string& id) {
    return os::ReadFile(logs_ + "/" + id + ".log", size_t{1} << 30).ValueOr("");
  }
  // Once all of `lines` is in it or said to be lost.
  Found Await(const std::string& id, uint64_t lines) {
    Found found;
    (void)WaitUntil([&] {
      found = Read(Whole(id));
      return found.kept + found.lost >= BytesOf(lines);
    });
    EXPECT_EQ(found.kept + found.lost, BytesOf(lines)) << Whole(id).substr(0, 2000);
    EXPECT_EQ(found.strange, "");
    return found;
  }
  base::Result<StartedContainer> Seq(const std::string& id, int lines, int code,
                                     spec::LogLimit limit = {}) {
    spec::ContainerSpec spec = Spec(id, Lines(lines) + "; exit " + std::to_string(code));
    spec.log_limit = limit;
    return pod_->Start(spec, {}, LogDir());
  }
  // Far more than anything here takes that does not wait for the disk.
  static constexpr seconds kInTime{60};
  os::UniqueFd disk_, guard_;
  bool mounted_ = false;
};

TEST_F(LogDiskTest, AFullDiskHoldsUpNobodyAndWhatIsLostIsCounted) {
  // Another pod, its logs elsewhere.
  const std::string elsewhere = state_.path() + "/elsewhere";
  ASSERT_TRUE(os::MakeDirs(elsewhere, 0700).ok());
  PodSetup other_setup = setup_;
  other_setup.sandbox_id = "p2";
  other_setup.run_dir = run_ + "/pods/p2";
  ASSERT_TRUE(os::MakeDirs(other_setup.run_dir, 0700).ok());
  const auto other = std::move(anchor_->StartMonitor(other_setup, {}, OnExit(), OnLost())).value();
  MountTmpfs("size=256k");
  ASSERT_TRUE(Start("counts",
                    "until [ -e /stop ]; do echo x >/seen; /bin/busybox usleep 5000; "
                    "done; exit 4")
                  .ok());
  constexpr int kLines = 1500;
  ASSERT_TRUE(Seq("loud", kLines, 7).ok());
  const auto exit = exits_.WaitFor("loud");
  ASSERT_TRUE(exit.has_value());
  EXPECT_EQ(exit->exit_code, 7);
  // It is full now: what is asked and begun meanwhile.
  EXPECT_TRUE(pod_->ReopenLog("counts").ok());
  ASSERT_TRUE(Seq("later", 100, 8).ok());
  EXPECT_EQ(exits_.WaitFor("later")->exit_code, 8);
  EXPECT_EQ(pod_->Exec({.container_id = "counts", .process = Command("exit 3")}).value().exit_code,
            3);
  spec::ContainerSpec spec = Spec("neighbour", Lines(500) + "; exit 9");
  ASSERT_TRUE(
      other->Start(spec, {}, std::move(os::Open(elsewhere, O_RDONLY | O_DIRECTORY)).value()).ok());
  EXPECT_EQ(exits_.WaitFor("neighbour")->exit_code, 9);
  EXPECT_TRUE(WaitUntil([&] {
    return Read(os::ReadFile(elsewhere + "/neighbour.log", size_t{1} << 24).ValueOr("")).last ==
           500;
  }));
  const Found before = Read(Whole("loud"));
  EXPECT_LT(before.last, uint64_t{kLines});
  EXPECT_EQ(before.strange, "");
  // Nobody writes any more: it is said all the same, once there is room.
  ASSERT_EQ(mount("tmpfs", logs_.c_str(), "tmpfs", MS_REMOUNT, "size=64m"), 0);
  const Found loud = Await("loud", kLines);
  EXPECT_GE(loud.markers, 1);
  EXPECT_GT(loud.lost, 0u);
  EXPECT_THAT(Whole("loud"), HasSubstr("the log's disk refused them]"));
  (void)Await("later", 100);
  MakeStop("counts");
  EXPECT_EQ(exits_.WaitFor("counts")->exit_code, 4);
  EXPECT_TRUE(other->Shutdown().ok());
}

TEST_F(LogDiskTest, AFrozenDiskHoldsUpItsLogAlone) {
  ASSERT_NO_FATAL_FAILURE(MountExt4());
  constexpr int kLines = 4000, kFew = 300;
  spec::ContainerSpec spec =
      Spec("loud",
           "until [ -e /stop ]; do /bin/busybox usleep 1000; done; " + Lines(kLines) + "; exit 5");
  ASSERT_TRUE(pod_->Start(spec, {}, LogDir()).ok());
  ASSERT_TRUE(Seq("few", kFew, 6).ok());
  const pid_t log = LogPid();
  Freeze();
  MakeStop("loud");
  EXPECT_EQ(exits_.WaitFor("loud")->exit_code, 5);
  EXPECT_EQ(exits_.WaitFor("few")->exit_code, 6);
  // A kubelet has renamed the file and asks for another; the answer does not wait for the disk.
  ASSERT_TRUE(Start("more", "exec /bin/busybox sleep 1000").ok());
  const base::Status reopened = pod_->ReopenLog("more");
  ASSERT_FALSE(reopened.ok());
  EXPECT_EQ(reopened.error().code(), base::Code::kUnavailable);
  EXPECT_THAT(reopened.error().message(), HasSubstr("disk"));
  // What waits in memory is bounded: the ring, what the disk's thread has in its hand, buffers.
  const std::string status = os::ReadFile("/proc/" + std::to_string(log) + "/status").ValueOr("");
  const size_t at = status.find("RssAnon:");
  ASSERT_NE(at, std::string::npos);
  EXPECT_LT(std::strtoull(status.c_str() + at + 8, nullptr, 10), 8192u) << status;
  Thaw();
  const Found loud = Await("loud", kLines);
  EXPECT_GE(loud.markers, 1);
  EXPECT_EQ(Await("few", kFew).last, uint64_t{kFew});
}

TEST_F(LogDiskTest, WhatIsNotReopenedInTimeKeepsItsFile) {
  ASSERT_NO_FATAL_FAILURE(MountExt4());
  ASSERT_TRUE(Start("c1",
                    "echo before; until [ -e /stop ]; do /bin/busybox usleep 1000; done; "
                    "echo after; exit 5")
                  .ok());
  (void)LogWith("c1", "stdout F before\n");
  // Something of it waits for the disk, and the question behind it.
  ASSERT_EQ(rename((logs_ + "/c1.log").c_str(), (logs_ + "/rotated").c_str()), 0);
  Freeze();
  MakeStop("c1");
  EXPECT_EQ(exits_.WaitFor("c1")->exit_code, 5);
  const base::Status reopened = pod_->ReopenLog("c1");
  EXPECT_FALSE(reopened.ok());
  Thaw();
  ASSERT_EQ(rename((logs_ + "/rotated").c_str(), (logs_ + "/c1.log").c_str()), 0);
  (void)LogWith("c1", "stdout F after\n");
  EXPECT_TRUE(pod_->ReopenLog("c1").ok());
  EXPECT_FALSE(os::Exists(logs_ + "/rotated"));
}

TEST_F(LogDiskTest, ASlowDiskHoldsUpItsLogAlone) {
  ASSERT_NO_FATAL_FAILURE(MountExt4());
  std::atomic<bool> over{false};
  // It takes writes one tenth of the time.
  std::thread slow([&] {
    while (!over) {
      (void)ioctl(disk_.get(), FIFREEZE, 0);
      (void)poll(nullptr, 0, 90);
      Thaw();
      (void)poll(nullptr, 0, 10);
    }
  });
  constexpr int kEach = 300, kContainers = 6;
  for (int i = 0; i < kContainers; ++i)
    EXPECT_TRUE(Seq("c" + std::to_string(i), kEach, 10 + i).ok());
  for (int i = 0; i < kContainers; ++i) {
    const auto exit = exits_.WaitFor("c" + std::to_string(i));
    EXPECT_TRUE(exit && exit->exit_code == 10 + i);
  }
  over = true;
  slow.join();
  Thaw();
  for (int i = 0; i < kContainers; ++i) (void)Await("c" + std::to_string(i), kEach);
}

TEST_F(LogDiskTest, OverItsRateALogLosesAndSaysSoWhereItMay) {
  constexpr int kLines = 600;
  constexpr uint64_t kRate = 100'000;
  ASSERT_TRUE(Seq("c1", kLines, 3, {kRate, true}).ok());
  ASSERT_TRUE(Seq("free", kLines, 4).ok());
  EXPECT_EQ(exits_.WaitFor("c1")->exit_code, 3);
  EXPECT_EQ(exits_.WaitFor("free")->exit_code, 4);
  const Found found = Await("c1", kLines);
  EXPECT_GE(found.kept, kRate * 9 / 10) << "a second's worth comes at once";
  EXPECT_GE(found.markers, 1);
  EXPECT_THAT(Whole("c1"), HasSubstr("over the log's rate of 100000 bytes a second]"));
  (void)Await("free", kLines);
}

TEST_F(LogDiskTest, OverItsRateAProgramWaitsWhereItMustAndLosesNothing) {
  constexpr int kLines = 250;
  constexpr uint64_t kRate = 60'000;
  const base::SteadyTime begun = base::SystemClock().Steady();
  ASSERT_TRUE(Seq("c1", kLines, 3, {kRate, false}).ok());
  ASSERT_TRUE(Start("c2", "until [ -e /stop ]; do /bin/busybox usleep 1000; done; exit 4").ok());
  // Held up is this program alone, not its neighbours, nor who asks.
  EXPECT_EQ(pod_->Exec({.container_id = "c2", .process = Command("exit 7")}).value().exit_code, 7);
  EXPECT_TRUE(pod_->ReopenLog("c1").ok());
  EXPECT_EQ(exits_.WaitFor("c1")->exit_code, 3);
  // 226 000 bytes, less what a pipe holds, a read's worth and a second's: 37 000 of 60 000 a
  // second.
  EXPECT_GT(base::SystemClock().Steady() - begun, milliseconds(500));
  EXPECT_EQ(Await("c1", kLines).markers, 0);
  MakeStop("c2");
  EXPECT_EQ(exits_.WaitFor("c2")->exit_code, 4);
}

TEST_F(LogDiskTest, AfterAMonitorsAndALogProcesssDeathTheRateIsKept) {
  spec::ContainerSpec spec =
      Spec("c1", "until [ -e /stop ]; do /bin/busybox usleep 1000; done; " + Lines(600));
  spec.log_limit = {100'000, true};
  ASSERT_TRUE(pod_->Start(spec, {}, LogDir()).ok());
  const pid_t log = LogPid(), monitor = MonitorPid();
  ASSERT_EQ(kill(monitor, SIGKILL), 0);
  ASSERT_TRUE(WaitUntil([&] { return lost_.load(); }));
  pod_ = std::move(anchor_->AdoptMonitor(setup_, OnExit(), OnLost())).value();
  ASSERT_TRUE(pod_->ListContainers().ok());
  ASSERT_EQ(kill(log, SIGKILL), 0);
  ASSERT_TRUE(WaitUntil([&] { return LogPid() > 0 && LogPid() != log; }));
  MakeStop("c1");
  ASSERT_TRUE(exits_.WaitFor("c1").has_value());
  EXPECT_THAT(LogWith("c1", "over the log's rate of 100000"),
              HasSubstr("[keelson: the log process ended"));
}

// Its memory is lost with it: what it had read and not written. The log says where.
TEST_F(LogDiskTest, AKilledLogProcessStopsNobodyAndTheLogSaysWhere) {
  ASSERT_TRUE(Start("c1",
                    "i=0; until [ -e /stop ]; do i=$((i+1)); echo $i; "
                    "/bin/busybox usleep 300; done; exit 5")
                  .ok());
  constexpr int kKills = 3;
  for (int i = 0; i < kKills; ++i) {
    const uint64_t lines = Read(Whole("c1")).last;
    ASSERT_TRUE(WaitUntil([&] { return Read(Whole("c1")).last > lines + 50; }));
    const pid_t log = LogPid();
    ASSERT_GT(log, 0);
    ASSERT_EQ(kill(log, SIGKILL), 0);
    ASSERT_TRUE(WaitUntil([&] { return Read(Whole("c1")).markers == i + 1; }));
  }
  MakeStop("c1");
  EXPECT_EQ(exits_.WaitFor("c1")->exit_code, 5);
  const Found found = Read(Whole("c1"));
  EXPECT_EQ(found.strange, "");
  EXPECT_EQ(found.markers, kKills);
}

// The monitor stands still meanwhile, so that it comes to the start before it sees the death.
TEST_F(LogDiskTest, AContainerStartsWhoseLogProcessDiedAMomentBefore) {
  ASSERT_TRUE(Start("c1", "until [ -e /stop ]; do /bin/busybox usleep 1000; done; exit 5").ok());
  const pid_t monitor = MonitorPid(), log = LogPid();
  ASSERT_GT(monitor, 0);
  ASSERT_GT(log, 0);
  ASSERT_EQ(kill(monitor, SIGSTOP), 0);
  std::atomic<pid_t> starter = 0;
  std::future<base::Result<StartedContainer>> started = std::async(std::launch::async, [&] {
    starter = gettid();
    return Start("c2", "echo two; exit 3");
  });
  // Asleep: its question has been sent.
  const bool asked = WaitUntil([&] {
    const std::string stat =
        os::ReadFile(fmt::format("/proc/self/task/{}/stat", starter.load())).ValueOr("");
    return stat.find(") S ") != std::string::npos;
  });
  EXPECT_EQ(kill(log, SIGKILL), 0);
  EXPECT_EQ(kill(monitor, SIGCONT), 0);
  EXPECT_TRUE(asked);
  const base::Result<StartedContainer> answer = started.get();
  ASSERT_TRUE(answer.ok()) << answer.error().message();
  EXPECT_EQ(exits_.WaitFor("c2")->exit_code, 3);
  EXPECT_THAT(LogWith("c2", "F two\n"), HasSubstr("F two\n"));
  MakeStop("c1");
  EXPECT_EQ(exits_.WaitFor("c1")->exit_code, 5);
}

}  // namespace
}  // namespace keelson::monitor
