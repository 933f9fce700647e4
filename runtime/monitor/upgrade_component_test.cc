// SPDX-License-Identifier: Apache-2.0
// A living monitor becomes another program in its place, under load: today's from another folder,
// and tomorrow's (testing/tomorrow.cc), which says more than today's knows, and back. The process
// stays, and with it every child, line, code and session.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <thread>

#include "lib/os/pipe.h"
#include "lib/os/socket.h"
#include "runtime/monitor/testing/live_sessions.h"
#include "runtime/monitor/testing/monitor_fixture.h"

namespace keelson::monitor {
namespace {

using testing::HasSubstr;

constexpr const char* kPrograms[] = {"keelson-anchor", "keelson-monitor", "keelson-log",
                                     "keelson-init"};

class UpgradeTest : public MonitorTest {
 protected:
  // Copies: other files than those that run.
  std::string Copies(const std::string& from, const std::string& name) {
    const std::string to = state_.path() + "/" + name;
    EXPECT_TRUE(os::MakeDirs(to, 0755).ok());
    for (const char* program : kPrograms) {
      EXPECT_TRUE(os::WriteFileAtomic(to + "/" + program,
                                      os::ReadFile(from + "/" + program, size_t{1} << 30).value(),
                                      0755)
                      .ok());
    }
    return to;
  }
  // A daemon with these programs starts and takes the pod over.
  void StartDaemon(const std::string& programs) {
    options_.binary_dir = programs;
    Connect();
    base::Result<std::unique_ptr<MonitorClient>> pod =
        anchor_->AdoptMonitor(setup_, OnExit(), OnLost());
    ASSERT_TRUE(pod.ok()) << pod.error().message();
    daemons_.push_back(std::move(pod_));  // its sessions go on
    pod_ = std::move(pod).value();
  }
  // Which file: the path of a program that was handed over by descriptor tells nothing.
  static std::string File(const std::string& path) {
    struct stat st{};
    if (stat(path.c_str(), &st) != 0) return "";
    return std::to_string(st.st_dev) + ":" + std::to_string(st.st_ino);
  }
  static std::string Running(pid_t monitor) {
    return File("/proc/" + std::to_string(monitor) + "/exe");
  }
  static std::string MonitorOf(const std::string& place) {
    return File(place + "/keelson-monitor");
  }
  void TearDown() override {
    daemons_.clear();
    MonitorTest::TearDown();
  }
  std::vector<std::unique_ptr<MonitorClient>> daemons_;
};

// Every line once and in order; where a marker says so some may be missing. The last number.
uint64_t CheckLines(const std::string& log, int& markers) {
  uint64_t next = 1;
  bool may_skip = false;
  for (const std::string_view line : base::Split(log, '\n')) {
    if (line.empty() || line == "stdout F over") continue;
    if (line.find("[keelson: ") != std::string_view::npos) {
      ++markers;
      may_skip = true;
      continue;
    }
    const auto number =
        line.starts_with("stdout F line ") ? base::ParseUint64(line.substr(14)) : std::nullopt;
    if (!number || (may_skip ? *number < next : *number != next)) {
      ADD_FAILURE() << "after " << next - 1 << ": " << line;
      return 0;
    }
    next = *number + 1;
    may_skip = false;
  }
  return next - 1;
}

TEST_F(UpgradeTest, UnderLoadNoLineCodeOrSessionIsLost) {
  logs_ = run_ + "/logs";  // tmpfs: a slow disk is another test's
  ASSERT_TRUE(os::MakeDirs(logs_, 0700).ok());
  const std::string count =
      "i=0; while [ ! -e /stop ]; do i=$((i+1)); echo line $i; done; "
      "echo over; exit 42";
  ASSERT_TRUE(Start("fast", count).ok());
  ASSERT_TRUE(Start("slow",
                    "i=0; while [ ! -e /stop ]; do i=$((i+1)); echo line $i; "
                    "/bin/busybox usleep 500; done; echo over; exit 43")
                  .ok());
  const pid_t monitor = MonitorPid();
  ASSERT_GT(monitor, 0);

  // A command that reads and writes, one with a time limit, one that is answered at its end, a
  // terminal's, and a client of a container's output.
  os::Pipe in = std::move(os::CreatePipe()).value(), out = std::move(os::CreatePipe()).value();
  Ends cat_ends, attach_ends;
  ExecRequest cat{.container_id = "slow", .process = Command("/bin/busybox cat; exit 7")};
  cat.in = std::move(in.read_end);
  cat.out = std::move(out.write_end);
  auto session = pod_->OpenExec(std::move(cat), cat_ends.Handler());
  ASSERT_TRUE(session.ok()) << session.error().message();
  os::Pipe seen = std::move(os::CreatePipe()).value();
  AttachRequest attach{.container_id = "slow"};
  attach.out = std::move(seen.write_end);
  auto attached = pod_->Attach(std::move(attach), attach_ends.Handler());
  ASSERT_TRUE(attached.ok()) << attached.error().message();
  base::Result<ExecResult> limited = base::Unavailable(""), whole = base::Unavailable("");
  std::thread limit([&, pod = pod_.get()] {
    limited = pod->Exec({.container_id = "slow",
                         .process = Command("/bin/busybox sleep 1000"),
                         .timeout = std::chrono::milliseconds(1500)});
  });
  std::thread answer([&, pod = pod_.get()] {
    whole = pod->Exec({.container_id = "slow",
                       .process = Command("until [ -e /upgraded ]; do /bin/busybox usleep 1000; "
                                          "done; exit 4"),
                       .timeout = std::chrono::minutes(20)});
  });

  const std::string places[] = {Copies(base::BinDir() + "/tomorrow", "tomorrow"),
                                Copies(base::BinDir(), "today")};
  constexpr int kUpgrades = 8;
  for (int i = 0; i < kUpgrades; ++i) {
    for (int j = 0; j < 3; ++j) {
      const int code = i * 3 + j;
      ASSERT_TRUE(Start("end" + std::to_string(code), "/bin/busybox usleep " +
                                                          std::to_string(j * 3000) + "; exit " +
                                                          std::to_string(code))
                      .ok());
    }
    StartDaemon(places[i % 2]);
    // Asked while it changes: whoever it is then answers.
    EXPECT_TRUE(pod_->ReopenLog("slow").ok());
    EXPECT_EQ(pod_->Exec({.container_id = "fast", .process = Command("exit 9")}).value().exit_code,
              9);
    ASSERT_TRUE(WaitUntil([&] { return Running(monitor) == MonitorOf(places[i % 2]); }))
        << Running(monitor) << os::ReadFile(run_ + "/anchor.log").ValueOr("");
    const std::string word = "through" + std::to_string(i);
    ASSERT_TRUE(os::WriteAll(in.write_end.get(), word).ok());
    EXPECT_EQ(ReadUntil(out.read_end, word), word);
    EXPECT_THAT(ReadUntil(seen.read_end, "line "), HasSubstr("line "));
  }
  EXPECT_EQ(MonitorPid(), monitor);
  EXPECT_FALSE(lost_);
  for (int code = 0; code < kUpgrades * 3; ++code) {
    const auto exit = exits_.WaitFor("end" + std::to_string(code));
    ASSERT_TRUE(exit.has_value()) << code;
    EXPECT_EQ(exit->exit_code, code);
    EXPECT_FALSE(exit->lost);
  }
  EXPECT_EQ(
      pod_->Exec({.container_id = "slow", .process = Command("echo >/upgraded")}).value().exit_code,
      0);
  limit.join();
  answer.join();
  ASSERT_TRUE(limited.ok()) << limited.error().message();
  EXPECT_TRUE(limited->timed_out);
  ASSERT_TRUE(whole.ok()) << whole.error().message();
  EXPECT_EQ(whole->exit_code, 4);
  in.write_end.reset();
  EXPECT_EQ(cat_ends.Wait()->exit_code, 7);
  for (const char* id : {"slow", "fast"}) {
    MakeStop(id);
  }
  EXPECT_EQ(exits_.WaitFor("slow")->exit_code, 43);
  EXPECT_EQ(exits_.WaitFor("fast")->exit_code, 42);
  EXPECT_EQ(attach_ends.Wait()->error, "");
  session->reset();
  attached->reset();
  int markers = 0;
  (void)LogWith("slow", "stdout F over\n");
  ASSERT_TRUE(WaitUntil([&] {
    const std::string log = Log("fast");
    const size_t last = log.rfind('\n', log.size() - 2) + 1;
    return log.substr(last) == "stdout F over\n" || log.find("[keelson: ", last) != log.npos;
  }));
  EXPECT_GT(CheckLines(Log("slow"), markers), 100u);
  EXPECT_EQ(markers, 0);
  EXPECT_GT(CheckLines(Log("fast"), markers), 1000u);
  RecordProperty("markers", markers);
}

TEST_F(UpgradeTest, ATerminalAndItsClientStay) {
  spec::ContainerSpec spec = Spec("c1", "read a; echo got $a; read b; exit $b");
  spec.process.terminal = true;
  spec.open_stdin = true;
  spec.mounts.push_back({.kind = spec::Mount::Kind::kDevpts,
                         .destination = "/dev/pts",
                         .options = "newinstance,ptmxmode=0666,mode=0620,gid=5"});
  ASSERT_TRUE(pod_->Start(spec, {}, LogDir()).ok());
  os::SocketPair pair = std::move(os::CreateSocketPair(SOCK_STREAM)).value();
  Ends ends;
  AttachRequest attach{.container_id = "c1", .terminal = true};
  attach.out = std::move(pair.second);
  auto attached = pod_->Attach(std::move(attach), ends.Handler());
  ASSERT_TRUE(attached.ok()) << attached.error().message();
  const pid_t monitor = MonitorPid();
  const std::string place = Copies(base::BinDir() + "/tomorrow", "tomorrow");
  StartDaemon(place);
  ASSERT_TRUE(WaitUntil([&] { return Running(monitor) == MonitorOf(place); }));
  ASSERT_TRUE(os::WriteAll(pair.first.get(), "one\n").ok());
  EXPECT_THAT(ReadUntil(pair.first, "got one"), HasSubstr("got one"));
  ASSERT_TRUE(os::WriteAll(pair.first.get(), "11\n").ok());
  EXPECT_EQ(exits_.WaitFor("c1")->exit_code, 11);
  EXPECT_EQ(ends.Wait()->exit_code, 11);
}

TEST_F(UpgradeTest, WhatCannotReadItsStateDoesNotGetIt) {
  ASSERT_TRUE(Start("c1", "while [ ! -e /stop ]; do /bin/busybox usleep 1000; done; exit 5").ok());
  const pid_t monitor = MonitorPid();
  const std::string before = Running(monitor);
  const std::string place = Copies(base::BinDir(), "foreign");
  // A program that ends well, one that fails, and none.
  for (const std::string& content :
       {os::ReadFile(base::BinDir() + "/keelson-log", size_t{1} << 30).value(),
        std::string("#!/bin/sh\nexit 0\n"), std::string("nothing")}) {
    ASSERT_TRUE(os::WriteFileAtomic(place + "/keelson-monitor", content, 0755).ok());
    StartDaemon(place);
    EXPECT_EQ(pod_->ListContainers().value().size(), 1u);
    EXPECT_EQ(MonitorPid(), monitor);
    EXPECT_EQ(Running(monitor), before);
  }
  EXPECT_FALSE(lost_);
  StartDaemon(base::BinDir());
  MakeStop("c1");
  EXPECT_EQ(exits_.WaitFor("c1")->exit_code, 5);
}

TEST_F(UpgradeTest, WhoeverComesNextIsTheNewProgramToo) {
  ASSERT_TRUE(Start("c1", "while [ ! -e /stop ]; do /bin/busybox usleep 1000; done; exit 6").ok());
  const std::string place = Copies(base::BinDir() + "/tomorrow", "tomorrow");
  StartDaemon(place);
  const pid_t first = MonitorPid();
  ASSERT_TRUE(WaitUntil([&] { return Running(first) == MonitorOf(place); }));
  // By its death as well as by a new pod: the anchor has been told.
  ASSERT_TRUE(anchor_->ReplaceMonitor("p1").ok());
  ASSERT_TRUE(WaitUntil([&] { return lost_.load(); }));
  StartDaemon(place);
  ASSERT_TRUE(pod_->ListContainers().ok());
  const pid_t second = MonitorPid();
  EXPECT_NE(second, first);
  EXPECT_EQ(Running(second), MonitorOf(place));
  MakeStop("c1");
  EXPECT_EQ(exits_.WaitFor("c1")->exit_code, 6);
}

// Without an anchor nobody else could take its place.
TEST_F(UpgradeTest, AMonitorWithoutAnchorIsUpgradedAsWell) {
  ASSERT_TRUE(Start("c1", "while [ ! -e /stop ]; do /bin/busybox usleep 1000; done; exit 8").ok());
  const pid_t monitor = MonitorPid();
  for (const os::DirEntry& entry : os::ListDir("/proc").value()) {
    const std::string line = os::ReadFile("/proc/" + entry.name + "/cmdline").ValueOr("");
    if (line.find("keelson-anchor") != std::string::npos && line.find(run_) != std::string::npos) {
      ASSERT_EQ(kill(std::stoi(entry.name), SIGKILL), 0);
    }
  }
  const std::string place = Copies(base::BinDir() + "/tomorrow", "tomorrow");
  StartDaemon(place);
  ASSERT_TRUE(WaitUntil([&] { return Running(monitor) == MonitorOf(place); }));
  ASSERT_TRUE(Start("c2", "exit 9").ok());
  EXPECT_EQ(exits_.WaitFor("c2")->exit_code, 9);
  MakeStop("c1");
  EXPECT_EQ(exits_.WaitFor("c1")->exit_code, 8);
}

}  // namespace
}  // namespace keelson::monitor
