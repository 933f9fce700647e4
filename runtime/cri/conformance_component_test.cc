// SPDX-License-Identifier: Apache-2.0
// The CRI to the letter, on the real kernel: what a client may rely on when things go wrong, repeat or cross. docs/conformance.md
// names these tests.
#include <dirent.h>
#include <signal.h>

#include <future>

#include "runtime/cri/testing/runtime_fixture.h"

namespace keelson::cri_server {
namespace {

using container::ContainerState;
using container::SandboxState;

// Processes of a program with this word on their command line.
std::vector<pid_t> ProcessesOf(const std::string& program, const std::string& word) {
  std::vector<pid_t> out;
  for (const os::DirEntry& entry : os::ListDir("/proc").value()) {
    const std::optional<uint64_t> pid = base::ParseUint64(entry.name);
    if (!pid) continue;
    const std::string line = os::ReadFile("/proc/" + entry.name + "/cmdline").ValueOr("");
    if (line.find(program) != std::string::npos && line.find(word) != std::string::npos) out.push_back(static_cast<pid_t>(*pid));
  }
  return out;
}

TEST_F(RuntimeTest, ATearDownThatFailsIsSaidAndTheNextTryEndsIt) {
  const std::string pod = Start("p");
  const std::string id = Run(pod, Script("c", "while true; do sleep 1; done"));
  brittle_->teardown = base::Unavailable("the wire is stuck");
  const base::Status stopped = runtime_->StopPodSandbox(pod);
  ASSERT_FALSE(stopped.ok());
  EXPECT_NE(stopped.error().message().find("the wire is stuck"), std::string::npos) << stopped.error().message();
  EXPECT_EQ(runtime_->GetSandbox(pod).value().record.state, SandboxState::kStopping);
  EXPECT_EQ(runtime_->GetContainer(id).value().record.state, ContainerState::kExited);
  EXPECT_FALSE(runtime_->RemovePodSandbox(pod).ok());
  EXPECT_TRUE(runtime_->GetSandbox(pod).ok());
  brittle_->teardown = base::Ok();
  EXPECT_TRUE(runtime_->StopPodSandbox(pod).ok());
  EXPECT_EQ(runtime_->GetSandbox(pod).value().record.state, SandboxState::kStopped);
  EXPECT_TRUE(runtime_->StopPodSandbox(pod).ok());
}

TEST_F(RuntimeTest, APodThatCannotBeMadeLeavesNothing) {
  brittle_->setup = base::ResourceExhausted("no address is left");
  const base::Result<std::string> made = runtime_->RunPodSandbox(Pod("p"), "");
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().code(), base::Code::kResourceExhausted);
  EXPECT_TRUE(runtime_->ListSandboxes().empty());
  brittle_->setup = base::Ok();
  EXPECT_NE(Start("p"), "") << "and the same name is free";
}

TEST_F(RuntimeTest, APodThatCannotBeMadeNorTakenAwayIsShownUntilItIs) {
  brittle_->setup = brittle_->teardown = base::Unavailable("the wire is stuck");
  ASSERT_FALSE(runtime_->RunPodSandbox(Pod("p"), "").ok());
  ASSERT_EQ(runtime_->ListSandboxes().size(), 1u);
  EXPECT_EQ(runtime_->ListSandboxes()[0].record.state, SandboxState::kStopping);
  Boot();
  ASSERT_EQ(runtime_->ListSandboxes().size(), 1u) << "also after a restart";
  brittle_->setup = brittle_->teardown = base::Ok();
  EXPECT_TRUE(runtime_->RemovePodSandbox(runtime_->ListSandboxes()[0].record.id).ok());
}

TEST_F(RuntimeTest, TheMonitorOfAPodThatWasBeingMadeEndsAtTheNextStart) {
  const std::string pod = Start("p");
  runtime_.reset();
  const std::string path = dir_.path() + "/pods/" + pod + "/record";
  container::SandboxRecord record = container::DecodeSandboxRecord(os::ReadFile(path).value()).value();
  record.state = SandboxState::kCreating;
  ASSERT_TRUE(os::WriteFileAtomic(path, container::Encode(record), 0600).ok());
  EXPECT_EQ(ProcessesOf("keelson-monitor", pod).size(), 1u);
  Boot();
  EXPECT_TRUE(runtime_->ListSandboxes().empty());
  EXPECT_TRUE(Eventually([&] { return ProcessesOf("keelson-monitor", pod).empty(); }));
}

TEST_F(RuntimeTest, NothingStartsInAPodThatWasStopped) {
  const std::string pod = Start("p");
  const std::string id = runtime_->CreateContainer(pod, Script("c", "exit 0")).value();
  ASSERT_TRUE(runtime_->StopPodSandbox(pod).ok());
  EXPECT_EQ(runtime_->StartContainer(id).error().code(), base::Code::kFailedPrecondition);
  EXPECT_EQ(runtime_->GetContainer(id).value().record.state, ContainerState::kCreated) << "it never ran";
  EXPECT_EQ(runtime_->CreateContainer(pod, Script("d", "exit 0")).error().code(), base::Code::kFailedPrecondition);
  EXPECT_EQ(runtime_->CreateContainer("unknown", Script("d", "exit 0")).error().code(), base::Code::kNotFound);
}

TEST_F(RuntimeTest, StartsThatCrossAStopEndWithThePod) {
  for (int round = 0; round < 5; ++round) {
    const std::string pod = Start("p" + std::to_string(round));
    std::vector<std::string> ids;
    for (int i = 0; i < 3; ++i) {
      ids.push_back(runtime_->CreateContainer(pod, Script("c" + std::to_string(i), "while true; do sleep 1; done")).value());
    }
    std::vector<std::future<base::Status>> starts;
    for (const std::string& id : ids) {
      starts.push_back(std::async(std::launch::async, [this, id] { return runtime_->StartContainer(id); }));
    }
    const base::Status stopped = runtime_->StopPodSandbox(pod);
    EXPECT_TRUE(stopped.ok()) << stopped.error().message();
    for (std::future<base::Status>& start : starts) (void)start.get();
    for (const std::string& id : ids) {
      const ContainerState state = runtime_->GetContainer(id).value().record.state;
      EXPECT_TRUE(state == ContainerState::kExited || state == ContainerState::kCreated) << static_cast<int>(state);
    }
    EXPECT_TRUE(runtime_->RemovePodSandbox(pod).ok());
  }
}

TEST_F(RuntimeTest, ManyCallsForOnePodAreOne) {
  std::vector<std::future<base::Result<std::string>>> calls;
  for (int i = 0; i < 8; ++i) calls.push_back(std::async(std::launch::async, [this] { return runtime_->RunPodSandbox(Pod("p"), "keelson"); }));
  std::set<std::string> ids;
  for (auto& call : calls) ids.insert(call.get().value());
  EXPECT_EQ(ids.size(), 1u);
}

TEST_F(RuntimeTest, APodWhoseMonitorAndAnchorAreGoneCanStillBeRemoved) {
  const std::string pod = Start("p");
  const std::string id = Run(pod, Script("c", "while true; do sleep 1; done"));
  const pid_t first = runtime_->GetContainer(id).value().record.pid;
  for (const pid_t anchor : ProcessesOf("keelson-anchor", run_)) ASSERT_EQ(kill(anchor, SIGKILL), 0);
  for (const pid_t monitor : ProcessesOf("keelson-monitor", pod)) (void)kill(monitor, SIGKILL);
  const base::Status stopped = runtime_->StopContainer(id, std::chrono::seconds(5));
  EXPECT_TRUE(stopped.ok()) << stopped.error().message();
  const container::ContainerRecord record = runtime_->GetContainer(id).value().record;
  EXPECT_EQ(record.exit_code, 255);
  EXPECT_EQ(record.reason, "Unknown");
  const auto gone = [first] {
    const std::string stat = os::ReadFile("/proc/" + std::to_string(first) + "/stat").ValueOr("");
    return stat.empty() || stat.find(") Z") != std::string::npos;
  };
  EXPECT_TRUE(Eventually(gone)) << "the process runs on";
  const base::Status removed = runtime_->RemovePodSandbox(pod);
  EXPECT_TRUE(removed.ok()) << removed.error().message();
  ASSERT_TRUE(os::RemoveFile(run_ + "/anchor.sock").ok());
  Boot();
}

TEST_F(RuntimeTest, AChildKilledAtTheMemoryLimitIsOOMKilledToo) {
  cri::ContainerConfig config = Script("c", "sh -c 'x=a; while true; do x=$x$x; done'; exit $?");
  config.mutable_linux()->mutable_resources()->set_memory_limit_in_bytes(16 << 20);
  config.mutable_linux()->mutable_resources()->set_memory_swap_limit_in_bytes(16 << 20);
  const container::ContainerRecord record = WaitForExit(Run(Start("p"), config));
  EXPECT_EQ(record.exit_code, 137);
  EXPECT_EQ(record.reason, "OOMKilled");
}

TEST_F(RuntimeTest, AContainerKeepsItsImageWhenThatIsRemoved) {
  const std::string pod = Start("p");
  const std::string runs = Run(pod, Script("runs", "while true; do sleep 1; done"));
  const std::string waits = runtime_->CreateContainer(pod, Script("waits", "exit 0")).value();
  images_->named = false;
  EXPECT_EQ(runtime_->ExecSync(runs, {"sh", "-c", "exit 3"}, std::chrono::seconds(10)).value().exit_code, 3);
  EXPECT_TRUE(runtime_->StartContainer(waits).ok());
  EXPECT_EQ(runtime_->CreateContainer(pod, Script("new", "exit 0")).error().code(), base::Code::kNotFound);
}

TEST_F(RuntimeTest, ALogGoesThroughNoLink) {
  const std::string pod = Start("p");
  const std::string logs = dir_.path() + "/logs/p";
  ASSERT_TRUE(os::MakeDirs(logs, 0755).ok());
  ASSERT_TRUE(os::MakeDirs(dir_.path() + "/elsewhere", 0755).ok());
  ASSERT_EQ(symlink((dir_.path() + "/elsewhere").c_str(), (logs + "/c").c_str()), 0);
  const std::string id = runtime_->CreateContainer(pod, Script("c", "echo hello")).value();
  const base::Status started = runtime_->StartContainer(id);
  ASSERT_FALSE(started.ok());
  EXPECT_NE(started.error().message().find("log directory"), std::string::npos) << started.error().message();
  EXPECT_TRUE(os::ListDir(dir_.path() + "/elsewhere").value().empty());
}

}  // namespace
}  // namespace keelson::cri_server
