// SPDX-License-Identifier: Apache-2.0
// Live commands and attached clients of real containers: their streams belong to their caller, and
// nothing is left of them.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <thread>

#include "lib/os/pipe.h"
#include "lib/os/process.h"
#include "lib/os/socket.h"
#include "runtime/monitor/testing/live_sessions.h"
#include "runtime/monitor/testing/monitor_fixture.h"

namespace keelson::monitor {
namespace {

constexpr const char* kSleep = "exec /bin/busybox sleep 1000";

class SessionsTest : public MonitorTest {
 protected:
  // How many processes run this.
  static int Count(const std::string& words) {
    int count = 0;
    for (const os::DirEntry& entry : os::ListDir("/proc").value()) {
      std::string line = os::ReadFile("/proc/" + entry.name + "/cmdline").ValueOr("");
      std::replace(line.begin(), line.end(), '\0', ' ');
      count += line.find(words) != std::string::npos ? 1 : 0;
    }
    return count;
  }
  // Commands' groups, but for the one that may wait, empty, for the next command.
  size_t Leaves(const std::string& id) {
    const std::string group = cgroup::Group(*layout_, group_ + "/" + id).UnifiedDirectory();
    if (group.empty()) return 0;
    std::vector<std::string> leaves;
    for (const os::DirEntry& entry : os::ListDir(group).value()) {
      if (entry.name.starts_with("x-")) leaves.push_back(group + "/" + entry.name);
    }
    const bool spare = leaves.size() == 1 &&
                       os::ReadFile(leaves[0] + "/cgroup.events").ValueOr("").find("populated 0") !=
                           std::string::npos;
    return spare ? 0 : leaves.size();
  }
  static size_t Fds(pid_t pid) {
    return os::ListDir("/proc/" + std::to_string(pid) + "/fd").value().size();
  }
  spec::ContainerSpec TerminalSpec(const std::string& id, const std::string& script) {
    spec::ContainerSpec spec = Spec(id, script);
    spec.process.terminal = true;
    spec.mounts.push_back({.kind = spec::Mount::Kind::kDevpts,
                           .destination = "/dev/pts",
                           .options = "newinstance,ptmxmode=0666,mode=0620,gid=5"});
    return spec;
  }
};

TEST_F(SessionsTest, ALiveCommandReadsAndWritesItsCallersPipes) {
  ASSERT_TRUE(Start("c1", kSleep).ok());
  os::Pipe in = std::move(os::CreatePipe()).value(), out = std::move(os::CreatePipe()).value();
  Ends ends;
  ExecRequest request{.container_id = "c1", .process = Command("/bin/busybox cat; exit 7")};
  request.in = std::move(in.read_end);
  request.out = std::move(out.write_end);
  const auto session = pod_->OpenExec(std::move(request), ends.Handler());
  ASSERT_TRUE(session.ok()) << session.error().message();
  EXPECT_FALSE((*session)->terminal);
  ASSERT_TRUE(os::WriteAll(in.write_end.get(), "through").ok());
  in.write_end.reset();  // half-close
  EXPECT_EQ(ReadEnd(out.read_end), "through");
  const std::optional<SessionEnd> end = ends.Wait();
  ASSERT_TRUE(end.has_value());
  EXPECT_EQ(end->exit_code, 7);
  EXPECT_EQ(end->error, "");
  EXPECT_TRUE(WaitUntil([&] { return Leaves("c1") == 0; }));
}

TEST_F(SessionsTest, AnswersTellWhereTheTimeWent) {
  const base::Result<StartedContainer> started = Start("c1", kSleep);
  ASSERT_TRUE(started.ok()) << started.error().message();
  const auto names = [](const StageTimes& stages) {
    std::vector<std::string> list;
    for (const auto& [name, time] : stages) {
      EXPECT_GE(time.count(), 0) << name;
      list.emplace_back(name);
    }
    return list;
  };
  EXPECT_THAT(names(started->stages),
              testing::IsSupersetOf({"monitor/clone", "monitor/join", "monitor/layers",
                                     "monitor/mounts", "monitor/proc", "monitor/anchor",
                                     "monitor/log", "monitor/rights", "monitor/execve"}));
  const base::Result<ExecResult> done =
      pod_->Exec({.container_id = "c1", .process = Command("/bin/busybox sleep 1")});
  ASSERT_TRUE(done.ok()) << done.error().message();
  ASSERT_THAT(names(done->stages), testing::Contains("monitor/join"));
  EXPECT_STREQ(done->stages.back().first, "monitor/run");
  EXPECT_GE(done->stages.back().second, std::chrono::milliseconds(90));
}

TEST_F(SessionsTest, Exec_EndsWithItsClientAndAllThatItStarted) {
  ASSERT_TRUE(Start("c1", kSleep).ok());
  const std::string mark = "100" + std::to_string(getpid());
  const std::string script = "/bin/busybox setsid /bin/busybox sleep " + mark +
                             " & /bin/busybox sleep " + mark + " & /bin/busybox sleep " + mark;
  Ends ends;
  auto session = pod_->OpenExec({.container_id = "c1", .process = Command(script)}, ends.Handler());
  ASSERT_TRUE(session.ok()) << session.error().message();
  ASSERT_TRUE(WaitUntil([&] { return Count("sleep " + mark + " ") == 3; }));
  session->reset();
  const std::optional<SessionEnd> end = ends.Wait();
  ASSERT_TRUE(end.has_value());
  EXPECT_EQ(end->exit_code, 137);
  EXPECT_TRUE(WaitUntil([&] { return Count("sleep " + mark + " ") == 0; }));
  EXPECT_TRUE(WaitUntil([&] { return Leaves("c1") == 0; }));
}

TEST_F(SessionsTest, Exec_LeavesWhatRunsOnToTheContainer) {
  ASSERT_TRUE(Start("c1", kSleep).ok());
  const std::string mark = "200" + std::to_string(getpid());
  Ends ends;
  auto session = pod_->OpenExec(
      {.container_id = "c1", .process = Command("/bin/busybox sleep " + mark + " & exit 0")},
      ends.Handler());
  ASSERT_TRUE(session.ok()) << session.error().message();
  ASSERT_TRUE(ends.Wait().has_value());
  session->reset();
  EXPECT_TRUE(WaitUntil([&] { return Leaves("c1") == 0; }));
  EXPECT_EQ(Count("sleep " + mark + " "), 1);
  ASSERT_TRUE(pod_->KillAll("c1").ok());
  EXPECT_TRUE(WaitUntil([&] { return Count("sleep " + mark + " ") == 0; }));
}

TEST_F(SessionsTest, ACommandThatCannotStartIsTheOpensErrorAndLeavesNothing) {
  ASSERT_TRUE(Start("c1", kSleep).ok());
  const pid_t monitor = MonitorPid();
  Ends ends;
  // KEELSON_FAILING_EXECS=10000 for the long form.
  const char* wanted = getenv("KEELSON_FAILING_EXECS");
  const int count = wanted != nullptr ? std::stoi(wanted) : 500;
  size_t ours = 0, theirs = 0;
  for (int i = 0; i < count; ++i) {
    if (i == 20) {
      ASSERT_TRUE(WaitUntil([&] { return Leaves("c1") == 0; }));
      ours = Fds(getpid());
      theirs = Fds(monitor);
    }
    spec::Process process = Command("");
    if (i % 2 == 0) process.args = {"/none"};
    process.terminal = i % 4 == 0;  // without a devpts: the terminal fails
    os::Pipe out = std::move(os::CreatePipe()).value();
    ExecRequest request{.container_id = "c1", .process = process};
    if (i % 2 != 0) request.process.args = {"sh", "-c", "exit 3"};
    request.out = std::move(out.write_end);
    const auto session = pod_->OpenExec(std::move(request), ends.Handler());
    EXPECT_EQ(session.ok(), i % 2 != 0);
    EXPECT_EQ(ReadEnd(out.read_end), "");
  }
  ASSERT_TRUE(ends.Wait(static_cast<size_t>(count / 2)).has_value());
  EXPECT_TRUE(WaitUntil([&] { return Leaves("c1") == 0; }));
  EXPECT_TRUE(WaitUntil([&] { return Fds(getpid()) <= ours; }));
  // Of the group that waits for the next command, if there is one.
  EXPECT_TRUE(WaitUntil([&] { return Fds(monitor) <= theirs + 1; }));
}

TEST_F(SessionsTest, ALiveCommandHasATerminalOfItsContainersDevpts) {
  ASSERT_TRUE(pod_->Start(TerminalSpec("c1", kSleep), {}, {}).ok());
  spec::Process process = Command("/bin/busybox tty; read line; /bin/busybox stty size; exit 4");
  process.terminal = true;
  Ends ends;
  const auto session = pod_->OpenExec({.container_id = "c1", .process = process}, ends.Handler());
  ASSERT_TRUE(session.ok()) << session.error().message();
  const os::UniqueFd& terminal = (*session)->terminal;
  ASSERT_TRUE(terminal);
  EXPECT_NE(ReadUntil(terminal, "\r\n").find("/dev/pts/1\r\n"), std::string::npos);
  const winsize size{50, 132, 0, 0};
  ASSERT_EQ(ioctl(terminal.get(), TIOCSWINSZ, &size), 0);
  ASSERT_TRUE(os::WriteAll(terminal.get(), "\n").ok());
  EXPECT_NE(ReadEnd(terminal).find("50 132\r\n"), std::string::npos);
  EXPECT_EQ(ends.Wait()->exit_code, 4);
}

TEST_F(SessionsTest, ACommandWhoseCallerNoLongerWaitsEnds) {
  ASSERT_TRUE(Start("c1", kSleep).ok());
  const std::string mark = "300" + std::to_string(getpid());
  std::stop_source stop;
  ExecRequest request{.container_id = "c1",
                      .process = Command("/bin/busybox sleep " + mark + "; echo not reached"),
                      .stop = stop.get_token()};
  std::jthread waiter([&] {
    EXPECT_TRUE(WaitUntil([&] { return Count("busybox sleep " + mark + " ") == 1; }));
    stop.request_stop();
  });
  const base::Result<ExecResult> result = pod_->Exec(std::move(request));
  ASSERT_TRUE(result.ok()) << result.error().message();
  EXPECT_EQ(result->exit_code, 137);
  EXPECT_TRUE(WaitUntil([&] { return Count("busybox sleep " + mark + " ") == 0; }));
}

TEST_F(SessionsTest, WhenTheMonitorDiesItsSessionsAreToldAndItsSuccessorEndsTheirCommands) {
  ASSERT_TRUE(Start("c1", kSleep).ok());
  const std::string mark = "400" + std::to_string(getpid());
  Ends ends;
  const auto session =
      pod_->OpenExec({.container_id = "c1", .process = Command("exec /bin/busybox sleep " + mark)},
                     ends.Handler());
  ASSERT_TRUE(session.ok());
  ASSERT_EQ(kill(MonitorPid(), SIGKILL), 0);
  const std::optional<SessionEnd> end = ends.Wait();
  ASSERT_TRUE(end.has_value());
  EXPECT_EQ(end->error, "the pod's monitor is gone");
  pod_ = std::move(anchor_->AdoptMonitor(setup_, OnExit(), OnLost())).value();
  EXPECT_TRUE(WaitUntil([&] { return Leaves("c1") == 0; }));
  if (!cgroup::Group(*layout_, group_ + "/c1").UnifiedDirectory().empty()) {
    EXPECT_TRUE(WaitUntil([&] { return Count("sleep " + mark + " ") == 0; }));
  }
  ExecRequest request{.container_id = "c1", .process = Command("exit 5")};
  EXPECT_EQ(pod_->Exec(std::move(request))->exit_code, 5);
}

// --- attached clients

TEST_F(SessionsTest, Attach_GetsOutputFromNowOnUntilTheContainersEnd) {
  spec::ContainerSpec spec =
      Spec("c1", "echo before; read go; echo out; echo err >&2; printf last; exit 9");
  spec.open_stdin = true;
  ASSERT_TRUE(pod_->Start(spec, {}, LogDir()).ok());
  ASSERT_TRUE(WaitUntil([&] { return Log("c1").find("before") != std::string::npos; }));
  os::Pipe in = std::move(os::CreatePipe()).value();
  Ends ends;
  std::vector<std::unique_ptr<LiveSession>> sessions;
  std::vector<os::UniqueFd> outs, errs;
  for (int i = 0; i < 20; ++i) {
    os::Pipe out = std::move(os::CreatePipe()).value(), err = std::move(os::CreatePipe()).value();
    AttachRequest request{.container_id = "c1"};
    if (i == 0) request.in = std::move(in.read_end);
    request.out = std::move(out.write_end);
    request.err = std::move(err.write_end);
    auto session = pod_->Attach(std::move(request), ends.Handler());
    ASSERT_TRUE(session.ok()) << session.error().message();
    sessions.push_back(std::move(session).value());
    outs.push_back(std::move(out.read_end));
    errs.push_back(std::move(err.read_end));
  }
  ASSERT_TRUE(os::WriteAll(in.write_end.get(), "go\n").ok());
  for (const os::UniqueFd& out : outs) EXPECT_EQ(ReadEnd(out), "out\nlast");
  for (const os::UniqueFd& err : errs) EXPECT_EQ(ReadEnd(err), "err\n");
  const std::optional<SessionEnd> end = ends.Wait(20);
  ASSERT_TRUE(end.has_value());
  EXPECT_EQ(end->exit_code, 9);
  EXPECT_EQ(end->error, "");
  ASSERT_TRUE(exits_.WaitFor("c1").has_value());
  const auto late = pod_->Attach({.container_id = "c1", .out = std::move(in.write_end)}, {});
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().message(), "container 'c1' does not run");
}

TEST_F(SessionsTest, InputThatIsToEndOnceEndsWithItsFirstClient) {
  spec::ContainerSpec spec = Spec("c1", "/bin/busybox cat; echo over; exit 6");
  spec.open_stdin = spec.stdin_once = true;
  ASSERT_TRUE(pod_->Start(spec, {}, LogDir()).ok());
  os::Pipe in = std::move(os::CreatePipe()).value(), out = std::move(os::CreatePipe()).value();
  Ends ends;
  const auto session = pod_->Attach(
      {.container_id = "c1", .in = std::move(in.read_end), .out = std::move(out.write_end)},
      ends.Handler());
  ASSERT_TRUE(session.ok()) << session.error().message();
  ASSERT_TRUE(os::WriteAll(in.write_end.get(), "words\n").ok());
  in.write_end.reset();
  EXPECT_EQ(ReadEnd(out.read_end), "words\nover\n");
  EXPECT_EQ(ends.Wait()->exit_code, 6);
}

TEST_F(SessionsTest, InputStaysOpenBetweenClientsAndAfterTheMonitorsDeath) {
  spec::ContainerSpec spec = Spec("c1", "while read line; do echo got $line; done; exit 6");
  spec.open_stdin = true;
  ASSERT_TRUE(pod_->Start(spec, {}, LogDir()).ok());
  for (const char* word : {"one", "two"}) {
    os::Pipe in = std::move(os::CreatePipe()).value();
    Ends ends;
    auto session =
        pod_->Attach({.container_id = "c1", .in = std::move(in.read_end)}, ends.Handler());
    ASSERT_TRUE(session.ok()) << session.error().message();
    ASSERT_TRUE(os::WriteAll(in.write_end.get(), std::string(word) + "\n").ok());
    in.write_end.reset();
    session->reset();
    ASSERT_TRUE(ends.Wait().has_value());
    ASSERT_TRUE(WaitUntil([&] {
      return Log("c1").find("got " + std::string(word)) != std::string::npos;
    })) << Log("c1");
    if (word == std::string("one")) {
      ASSERT_EQ(kill(MonitorPid(), SIGKILL), 0);
      ASSERT_TRUE(WaitUntil([&] { return lost_.load(); }));
      pod_ = std::move(anchor_->AdoptMonitor(setup_, OnExit(), OnLost())).value();
    }
  }
  EXPECT_FALSE(pod_->ListContainers()->at(0).exit.has_value());
}

TEST_F(SessionsTest, WithoutInputAProgramReadsTheEndAtOnce) {
  ASSERT_TRUE(Start("c1", "/bin/busybox cat; exit 2").ok());
  EXPECT_EQ(exits_.WaitFor("c1")->exit_code, 2);
}

TEST_F(SessionsTest, ATerminalGoesToTheLogAndToClientsAndOutlivesTheMonitor) {
  spec::ContainerSpec spec = TerminalSpec(
      "c1", "while read line; do /bin/busybox stty size; echo got $line >/dev/console; done");
  spec.open_stdin = true;
  ASSERT_TRUE(pod_->Start(spec, {}, LogDir()).ok());
  for (const char* word : {"one", "two"}) {
    os::SocketPair pair = std::move(os::CreateSocketPair(SOCK_STREAM)).value();
    Ends ends;
    const auto session = pod_->Attach(
        {.container_id = "c1", .terminal = true, .out = std::move(pair.second)}, ends.Handler());
    ASSERT_TRUE(session.ok()) << session.error().message();
    const winsize size{7, 11, 0, 0};
    ASSERT_EQ(ioctl((*session)->terminal.get(), TIOCSWINSZ, &size), 0);
    ASSERT_TRUE(os::WriteAll(pair.first.get(), std::string(word) + "\n").ok());
    const std::string text = ReadUntil(pair.first, "got " + std::string(word) + "\r\n");
    EXPECT_EQ(text, std::string(word) + "\r\n7 11\r\ngot " + word + "\r\n");
    if (word == std::string("one")) {
      ASSERT_EQ(kill(MonitorPid(), SIGKILL), 0);
      ASSERT_TRUE(ends.Wait().has_value());
      ASSERT_TRUE(WaitUntil([&] { return lost_.load(); }));
      pod_ = std::move(anchor_->AdoptMonitor(setup_, OnExit(), OnLost())).value();
      continue;
    }
    ASSERT_TRUE(pod_->KillAll("c1").ok());
    EXPECT_EQ(ReadEnd(pair.first), "");
    EXPECT_EQ(ends.Wait()->exit_code, 137);
  }
  ASSERT_TRUE(exits_.WaitFor("c1").has_value());
  EXPECT_EQ(LogWith("c1", "stdout F got two\r\n").find("stderr"), std::string::npos);
}

TEST_F(SessionsTest, ATerminalThatNobodyHasOpenForAMomentIsNotOver) {
  ASSERT_TRUE(pod_->Start(TerminalSpec("c1",
                                       "exec >/dev/null 2>&1 </dev/null; /bin/busybox sleep 0.2; "
                                       "echo again >/dev/console; exit 3"),
                          {}, LogDir())
                  .ok());
  EXPECT_EQ(exits_.WaitFor("c1")->exit_code, 3);
  EXPECT_EQ(LogWith("c1", "again"), "stdout F again\r\n");
}

TEST_F(SessionsTest, Attach_OfAClientThatDoesNotReadHoldsUpNobody) {
  // One piece after the other, as the client that does read asks for it: it is never behind.
  spec::ContainerSpec spec =
      Spec("c1",
           "i=0; while [ $i -lt 20 ]; do read go; /bin/busybox head -c 200000 /bin/busybox; "
           "i=$((i+1)); done");
  constexpr size_t kPiece = 200'000, kPieces = 20;
  spec.open_stdin = true;
  ASSERT_TRUE(pod_->Start(spec, {}, {}).ok());
  os::Pipe in = std::move(os::CreatePipe()).value();
  Ends slow_ends, ends;
  os::Pipe slow = std::move(os::CreatePipe()).value(), out = std::move(os::CreatePipe()).value();
  const auto slow_session =
      pod_->Attach({.container_id = "c1", .out = std::move(slow.write_end)}, slow_ends.Handler());
  const auto session = pod_->Attach(
      {.container_id = "c1", .in = std::move(in.read_end), .out = std::move(out.write_end)},
      ends.Handler());
  ASSERT_TRUE(slow_session.ok() && session.ok());
  size_t got = 0;
  std::string buffer(65536, ' ');
  for (size_t pieces = 1; pieces <= kPieces; ++pieces) {
    ASSERT_TRUE(os::WriteAll(in.write_end.get(), "go\n").ok());
    for (ssize_t n = 0;
         got < pieces * kPiece && (n = read(out.read_end.get(), buffer.data(), buffer.size())) > 0;)
      got += static_cast<size_t>(n);
    ASSERT_EQ(got, pieces * kPiece);
  }
  EXPECT_EQ(ReadEnd(out.read_end), "");
  EXPECT_EQ(ends.Wait()->exit_code, 0);
  const std::optional<SessionEnd> end = slow_ends.Wait();
  ASSERT_TRUE(end.has_value());
  EXPECT_NE(end->error.find("reads too slowly"), std::string::npos) << end->error;
}

TEST_F(SessionsTest, AnAttachmentsTerminalMustBeTheContainers) {
  ASSERT_TRUE(Start("c1", kSleep).ok());
  os::SocketPair pair = std::move(os::CreateSocketPair(SOCK_STREAM)).value();
  const auto session =
      pod_->Attach({.container_id = "c1", .terminal = true, .out = std::move(pair.second)}, {});
  ASSERT_FALSE(session.ok());
  EXPECT_EQ(session.error().message(), "container 'c1' does not have a terminal");
}

TEST_F(SessionsTest, WhenTheLogProcessDiesItsClientsAreToldAndOthersMayCome) {
  spec::ContainerSpec spec = Spec("c1", "while read line; do echo got $line; done");
  spec.open_stdin = true;
  ASSERT_TRUE(pod_->Start(spec, {}, LogDir()).ok());
  Ends ends;
  os::Pipe out = std::move(os::CreatePipe()).value();
  const auto session =
      pod_->Attach({.container_id = "c1", .out = std::move(out.write_end)}, ends.Handler());
  ASSERT_TRUE(session.ok());
  pid_t log = -1;
  for (const os::DirEntry& entry : os::ListDir("/proc").value()) {
    const std::string status = os::ReadFile("/proc/" + entry.name + "/status").ValueOr("");
    if (status.starts_with("Name:\tkeelson-log") &&
        status.find("PPid:\t" + std::to_string(MonitorPid()) + "\n") != std::string::npos)
      log = std::stoi(entry.name);
  }
  ASSERT_GT(log, 0);
  ASSERT_EQ(kill(log, SIGKILL), 0);
  EXPECT_EQ(ReadEnd(out.read_end), "");
  const std::optional<SessionEnd> end = ends.Wait();
  ASSERT_TRUE(end.has_value());
  EXPECT_EQ(end->error, "the log process died");
  os::Pipe in = std::move(os::CreatePipe()).value(), more = std::move(os::CreatePipe()).value();
  const auto again = pod_->Attach(
      {.container_id = "c1", .in = std::move(in.read_end), .out = std::move(more.write_end)},
      ends.Handler());
  ASSERT_TRUE(again.ok()) << again.error().message();
  ASSERT_TRUE(os::WriteAll(in.write_end.get(), "words\n").ok());
  EXPECT_EQ(ReadUntil(more.read_end, "\n"), "got words\n");
}

}  // namespace
}  // namespace keelson::monitor
