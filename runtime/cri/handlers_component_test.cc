// SPDX-License-Identifier: Apache-2.0
// Pods whose handler names another OCI runtime: the stories of every pod again, made by crun, runc
// and runsc. That it is they who make the containers is looked up in their own state.
#include <linux/magic.h>
#include <signal.h>
#include <sys/vfs.h>

#include <future>

#include "lib/os/process.h"
#include "runtime/cri/testing/runtime_fixture.h"

namespace keelson::cri_server {
namespace {

using container::ContainerRecord;
using container::ContainerState;
using testing::HasSubstr;

class HandlersTest : public RuntimeTest, public testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    program_ = std::string("/usr/bin/") + GetParam();
    if (!os::Exists(program_)) program_ = std::string("/usr/sbin/") + GetParam();
    std::vector<std::string> arguments;
    if (IsRunsc()) {
      program_ = getenv("KEELSON_RUNSC");
      arguments = {"--network=host", "--overlay2=none", "--oci-seccomp"};
    }
    if (!os::Exists(program_)) GTEST_SKIP() << "needs the package " << GetParam();
    handlers_ = handlers::Open({{"other", program_, {"org.example.*"}, false, arguments},
                                {"plain", "", {}, true}})
                    .value();
    RuntimeTest::SetUp();
  }
  // crun makes its folders for controllers that this machine has mounted nowhere as well.
  void TearDown() override {
    RuntimeTest::TearDown();
    for (const char* controller : {"hugetlb", "net_cls", "net_prio", "perf_event"}) {
      const std::string place = std::string("/sys/fs/cgroup/") + controller;
      struct statfs fs{};
      if (!parent_.empty() && statfs(place.c_str(), &fs) == 0 && fs.f_type == TMPFS_MAGIC)
        (void)os::RemoveTree(place + parent_);
    }
  }
  std::string StartOther(const std::string& name) {
    const base::Result<std::string> id = runtime_->RunPodSandbox(Pod(name), "other");
    EXPECT_TRUE(id.ok()) << (id.ok() ? "" : id.error().message());
    return id.ok() ? *id : "";
  }
  static bool IsRunsc() { return std::string_view(GetParam()) == "runsc"; }
  std::string root() const { return run_ + "/oci/other"; }
  // What the program itself says of a container; empty: it knows none.
  std::string StateOf(const std::string& id) const {
    os::SpawnOptions command;
    command.argv = {program_, "--root", root(), "state", id};
    const base::Result<os::CommandResult> said =
        os::RunCommand(command, "", std::chrono::seconds(60));
    if (!said.ok() || said->status.code() != 0) return "";
    const size_t at = said->out.find("\"status\"");
    const size_t from = said->out.find(": \"", at) + 3;
    return said->out.substr(from, said->out.find('"', from) - from);
  }
  bool IsForgotten(const std::string& id) const {
    return Eventually([&] { return !os::Exists(root() + "/" + id); });
  }
  ExecOutput Exec(const std::string& id, const std::string& script) {
    base::Result<ExecOutput> output =
        runtime_->ExecSync(id, {"sh", "-c", script}, std::chrono::seconds(60));
    EXPECT_TRUE(output.ok()) << (output.ok() ? "" : output.error().message());
    return output.ok() ? *std::move(output) : ExecOutput{};
  }
  bool IsReady(const std::string& container) {
    return Eventually([&] { return Log("p", container).find("ready") != std::string::npos; });
  }
  std::string program_;
};

// runsc is in no package: tests/runsc builds it from its module and says where it is.
std::vector<const char*> Programs() {
  if (getenv("KEELSON_RUNSC") != nullptr) return {"runsc"};
  return {"crun", "runc"};
}
INSTANTIATE_TEST_SUITE_P(Programs, HandlersTest, testing::ValuesIn(Programs()),
                         [](const auto& param) { return std::string(param.param); });

constexpr char kForever[] = "echo ready; while true; do sleep 0.05; done";

TEST_P(HandlersTest, AContainerIsMadeByTheProgramAndLivesInItsPod) {
  const std::string pod = StartOther("p");
  EXPECT_EQ(runtime_->GetSandbox(pod).value().record.handler, "other");
  const std::string id = Run(pod, Script("c", "echo out; echo err >&2; hostname; exec sleep 600"));
  EXPECT_EQ(StateOf(id), "running");
  // The two streams come in no order.
  for (const char* line : {"stdout F out\n", "stderr F err\n", "stdout F p\n"})
    (void)LogWith("p", "c", line);
  // The address is the pod's, the processes are its own.
  if (!IsRunsc()) {  // whose kernel has no such file
    EXPECT_THAT(Exec(id, "cat /proc/net/fib_trie").out, HasSubstr("10.201.7.2"));
  }
  EXPECT_TRUE(Eventually([&] { return Exec(id, "cat /proc/1/comm").out == "sleep\n"; }));
  EXPECT_THAT(Exec(id, "cat /etc/hosts").out, HasSubstr("10.201.7.2\tp\n"));
  // Where the native path would have put it.
  const int32_t pid = runtime_->GetContainer(id).value().record.pid;
  EXPECT_THAT(os::ReadFile(fmt::format("/proc/{}/cgroup", pid)).ValueOr(""),
              HasSubstr(parent_ + "/p/" + id));
  EXPECT_TRUE(runtime_->StopContainer(id, std::chrono::seconds(0)).ok());
  EXPECT_TRUE(IsForgotten(id));
}

TEST_P(HandlersTest, ContainersOfAPodShareItsNetwork) {
  const std::string pod = StartOther("p");
  Run(pod, Script("server", "while true; do echo hello | nc -l -p 8080; done"));
  const std::string client = Run(pod, Script("client", kForever));
  EXPECT_TRUE(Eventually(
      [&] { return Exec(client, "nc -w 5 127.0.0.1 8080 </dev/null").out == "hello\n"; }));
}

TEST_P(HandlersTest, EndsAreToldAsOfAnyContainer) {
  const std::string pod = StartOther("p");
  EXPECT_EQ(WaitForExit(Run(pod, Script("good", "exit 0"))).reason, "Completed");
  EXPECT_EQ(WaitForExit(Run(pod, Script("bad", "exit 3"))).exit_code, 3);
  cri::ContainerConfig greedy = Script("greedy", "x=a; while true; do x=$x$x; done");
  greedy.mutable_linux()->mutable_resources()->set_memory_limit_in_bytes(32 << 20);
  greedy.mutable_linux()->mutable_resources()->set_memory_swap_limit_in_bytes(32 << 20);
  const ContainerRecord killed = WaitForExit(Run(pod, greedy));
  EXPECT_EQ(killed.reason, "OOMKilled");
  EXPECT_EQ(killed.exit_code, 137);
}

TEST_P(HandlersTest, AMissingProgramIsAStartErrorAndLeavesNothing) {
  const std::string pod = StartOther("p");
  cri::ContainerConfig config = Script("missing", "");
  config.clear_command();
  config.add_command("/no/such/program");
  const std::string id = runtime_->CreateContainer(pod, config).value();
  const base::Status started = runtime_->StartContainer(id);
  ASSERT_FALSE(started.ok());
  EXPECT_THAT(started.error().message(), HasSubstr("/no/such/program"));
  EXPECT_THAT(started.error().message(), HasSubstr(std::string(GetParam()) + ": "));
  const ContainerRecord record = runtime_->GetContainer(id).value().record;
  EXPECT_EQ(record.exit_code, 128);
  EXPECT_EQ(record.reason, "StartError");
  EXPECT_TRUE(IsForgotten(id));
}

TEST_P(HandlersTest, ExecSync_AnswersWithOutputCodeOrTimeout) {
  const std::string pod = StartOther("p");
  cri::ContainerConfig config = Script("c", kForever);
  config.mutable_linux()->mutable_security_context()->set_run_as_username("web");
  const std::string id = Run(pod, config);
  const ExecOutput output = Exec(id, "id -u; echo problem >&2; exit 4");
  EXPECT_EQ(output.out, "33\n");
  EXPECT_EQ(output.err, "problem\n");
  EXPECT_EQ(output.exit_code, 4);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(Exec(id, "exit " + std::to_string(i)).exit_code, i);
  const std::string long_time = std::to_string(1000000 + getpid());
  EXPECT_EQ(runtime_->ExecSync(id, {"sleep", long_time}, std::chrono::seconds(2)).error().code(),
            base::Code::kDeadlineExceeded);
  EXPECT_TRUE(Eventually([&] { return ProcessesOf("sleep", long_time).empty(); }));
  const base::Result<ExecOutput> none = runtime_->ExecSync(id, {"nope"}, std::chrono::seconds(60));
  ASSERT_FALSE(none.ok());
  EXPECT_THAT(none.error().message(), HasSubstr("nope"));
  EXPECT_EQ(StateOf(id), "running");
}

TEST_P(HandlersTest, StopContainer_SendsTheSignalThenKills) {
  const std::string pod = StartOther("p");
  const std::string polite =
      Run(pod, Script("polite", "trap 'exit 7' TERM; echo ready; while true; do sleep 0.05; done"));
  ASSERT_TRUE(IsReady("polite"));
  EXPECT_TRUE(runtime_->StopContainer(polite, std::chrono::seconds(60)).ok());
  EXPECT_EQ(runtime_->GetContainer(polite).value().record.exit_code, 7);
  const std::string deaf = Run(pod, Script("deaf", std::string("trap '' TERM; ") + kForever));
  ASSERT_TRUE(IsReady("deaf"));
  EXPECT_TRUE(runtime_->StopContainer(deaf, std::chrono::seconds(1)).ok());
  EXPECT_EQ(runtime_->GetContainer(deaf).value().record.exit_code, 137);
  EXPECT_TRUE(IsForgotten(polite));
  EXPECT_TRUE(IsForgotten(deaf));
}

TEST_P(HandlersTest, WhatTheSecurityContextSaysHolds) {
  const std::string pod = StartOther("p");
  cri::ContainerConfig config = Script("c", kForever);
  auto& security = *config.mutable_linux()->mutable_security_context();
  security.set_readonly_rootfs(true);
  security.set_no_new_privs(true);
  security.add_masked_paths("/proc/keys");
  security.add_readonly_paths("/proc/sys");
  security.mutable_capabilities()->add_drop_capabilities("ALL");
  security.mutable_capabilities()->add_add_capabilities("NET_BIND_SERVICE");
  const std::string host = dir_.path() + "/volume";
  ASSERT_TRUE(os::MakeDirs(host, 0777).ok());
  ASSERT_TRUE(os::WriteFileAtomic(host + "/file", "from the host\n", 0644).ok());
  cri::Mount& mount = *config.add_mounts();
  mount.set_host_path(host);
  mount.set_container_path("/data");
  cri::Mount& fixed = *config.add_mounts();
  fixed.set_host_path(host);
  fixed.set_container_path("/fixed");
  fixed.set_readonly(true);
  (*config.mutable_annotations())["org.example.seen"] = "yes";
  (*config.mutable_annotations())["org.other.hidden"] = "yes";
  const std::string id = Run(pod, config);
  ASSERT_TRUE(IsReady("c"));  // its own program, no longer the one that made it
  const std::string status = Exec(id, "cat /proc/1/status").out;
  EXPECT_THAT(status, HasSubstr("CapBnd:\t0000000000000400\n"));
  EXPECT_THAT(status, HasSubstr("CapEff:\t0000000000000400\n"));
  if (!IsRunsc()) {  // whose kernel does not tell
    EXPECT_THAT(status, HasSubstr("NoNewPrivs:\t1\n"));
  }
  EXPECT_THAT(status, HasSubstr("Seccomp:\t2\n"));
  EXPECT_THAT(Exec(id, "cat /proc/self/status").out, HasSubstr("Seccomp:\t2\n")) << "of a command";
  EXPECT_NE(Exec(id, "touch /file").exit_code, 0);
  EXPECT_EQ(Exec(id, "cat /data/file; touch /data/other").out, "from the host\n");
  EXPECT_TRUE(os::Exists(host + "/other"));
  EXPECT_NE(Exec(id, "touch /fixed/other2").exit_code, 0);
  EXPECT_EQ(Exec(id, "cat /proc/keys").out, "");
  EXPECT_NE(Exec(id, "echo 1 > /proc/sys/kernel/hostname").exit_code, 0);
  const std::string written =
      os::ReadFile(run_ + "/pods/" + pod.substr(0, 24) + "/" + id + "/config.json").ValueOr("");
  EXPECT_THAT(written, HasSubstr("\"org.example.seen\":\"yes\""));
  EXPECT_EQ(written.find("org.other.hidden"), std::string::npos);
  EXPECT_THAT(written, HasSubstr("\"io.kubernetes.cri.sandbox-id\":\"" + pod + "\""));
}

TEST_P(HandlersTest, ATerminalIsTheContainersAndACommands) {
  const std::string pod = StartOther("p");
  cri::ContainerConfig config = Script(
      "c", "[ -t 0 ] && [ -t 1 ] && echo terminal; read line; echo got $line; exec sleep 600");
  config.set_tty(true);
  config.set_stdin(true);
  const std::string id = Run(pod, config);
  EXPECT_EQ(StateOf(id), "running");
  EXPECT_TRUE(Eventually([&] { return Log("p", "c").find("terminal") != std::string::npos; }));
  std::promise<int> ended;
  base::Result<std::unique_ptr<stream::Session>> session = runtime_->Open(
      {.container_id = id,
       .command = {"sh", "-c", "[ -t 0 ] && read x && exit 9"},
       .tty = true,
       .in = true,
       .out = true},
      [&](const stream::Ended& end) { ended.set_value(end.error.empty() ? end.exit_code : -1); });
  ASSERT_TRUE(session.ok()) << session.error().message();
  EXPECT_TRUE((*session)->Resize(100, 40).ok());
  const stream::Ends ends = (*session)->TakeEnds();
  ASSERT_EQ(write(ends.terminal.get(), "x\n", 2), 2);
  EXPECT_EQ(ended.get_future().get(), 9);
}

TEST_P(HandlersTest, TheDaemonMayGoAndComeBack) {
  const std::string pod = StartOther("p");
  const std::string id =
      Run(pod, Script("c", "trap 'exit 5' TERM; echo ready; while true; do sleep 0.05; done"));
  ASSERT_TRUE(IsReady("c"));
  Boot();
  EXPECT_EQ(runtime_->GetContainer(id).value().record.state, ContainerState::kRunning);
  EXPECT_EQ(Exec(id, "echo there").out, "there\n");
  EXPECT_TRUE(runtime_->StopContainer(id, std::chrono::seconds(60)).ok());
  EXPECT_EQ(runtime_->GetContainer(id).value().record.exit_code, 5);
  EXPECT_TRUE(IsForgotten(id));
}

TEST_P(HandlersTest, AMonitorThatIsKilledIsFollowedByOneThatKnowsAll) {
  const std::string pod = StartOther("p");
  const std::string id =
      Run(pod, Script("c", "trap 'exit 6' TERM; echo ready; while true; do sleep 0.05; done"));
  ASSERT_TRUE(IsReady("c"));
  const std::vector<pid_t> monitors = ProcessesOf("keelson-monitor", pod);
  ASSERT_EQ(monitors.size(), 1u);
  ASSERT_EQ(kill(monitors[0], SIGKILL), 0);
  ASSERT_TRUE(Eventually([&] {
    const std::vector<pid_t> now = ProcessesOf("keelson-monitor", pod);
    return now.size() == 1 && now[0] != monitors[0];
  }));
  ASSERT_TRUE(Eventually([&] {
    return runtime_->ExecSync(id, {"sh", "-c", "exit 0"}, std::chrono::seconds(60)).ok();
  }));
  EXPECT_TRUE(runtime_->StopContainer(id, std::chrono::seconds(60)).ok());
  EXPECT_EQ(runtime_->GetContainer(id).value().record.exit_code, 6);
  EXPECT_TRUE(IsForgotten(id));
}

TEST_P(HandlersTest, LimitsChangeWhileItRuns) {
  const std::string pod = StartOther("p");
  cri::ContainerConfig config = Script("c", kForever);
  config.mutable_linux()->mutable_resources()->set_memory_limit_in_bytes(64 << 20);
  const std::string id = Run(pod, config);
  cri::LinuxContainerResources change;
  change.set_memory_limit_in_bytes(96 << 20);
  ASSERT_TRUE(runtime_->UpdateContainerResources(id, change).ok());
  const std::string memory = cgroup::Group(cgroup::DetectLayout().value(),
                                           runtime_->GetContainer(id).value().record.cgroup_path)
                                 .MemoryDirectory();
  const std::string v1 = os::ReadFile(memory + "/memory.limit_in_bytes").ValueOr("");
  EXPECT_EQ(v1.empty() ? os::ReadFile(memory + "/memory.max").value() : v1, "100663296\n");
}

TEST_P(HandlersTest, WhatAHandlerCannotDoIsRefused) {
  const base::Result<std::string> unknown = runtime_->RunPodSandbox(Pod("p"), "nobody");
  ASSERT_FALSE(unknown.ok());
  EXPECT_THAT(
      unknown.error().message(),
      HasSubstr("'nobody' is not configured; there are '' and 'keelson', 'other', 'plain'"));
  handlers_[0].features = {};
  Boot();
  cri::PodSandboxConfig mapped = Pod("mapped");
  auto& users = *mapped.mutable_linux()
                     ->mutable_security_context()
                     ->mutable_namespace_options()
                     ->mutable_userns_options();
  users.set_mode(cri::POD);
  for (auto* list : {users.add_uids(), users.add_gids()}) {
    list->set_host_id(300000);
    list->set_length(65536);
  }
  const base::Result<std::string> refused = runtime_->RunPodSandbox(mapped, "other");
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message(), HasSubstr("does not say that it can map the owners"));
  cri::ContainerConfig config = Script("c", "true");
  cri::Mount& mount = *config.add_mounts();
  mount.set_host_path(dir_.path());
  mount.set_container_path("/data");
  mount.set_readonly(true);
  mount.set_recursive_read_only(true);
  const base::Result<std::string> made = runtime_->CreateContainer(StartOther("p"), config);
  ASSERT_FALSE(made.ok());
  EXPECT_THAT(made.error().message(), HasSubstr("RROUnsupported"));
}

TEST_P(HandlersTest, APrivilegedContainerOfANativeHandlerMayBeDeniedTheHostsDevices) {
  cri::PodSandboxConfig pods[] = {Pod("p"), Pod("q")};
  for (cri::PodSandboxConfig& pod : pods)
    pod.mutable_linux()->mutable_security_context()->set_privileged(true);
  const std::string pod = runtime_->RunPodSandbox(pods[0], "plain").value();
  cri::ContainerConfig config = Script("c", "exec sleep 600");
  config.mutable_linux()->mutable_security_context()->set_privileged(true);
  const std::string id = Run(pod, config);
  const std::string plain = Exec(id, "ls /dev").out;
  const std::string all =
      Exec(Run(runtime_->RunPodSandbox(pods[1], "").value(), config), "ls /dev").out;
  EXPECT_THAT(plain, HasSubstr("null"));
  EXPECT_LT(plain.size(), all.size());
  EXPECT_FALSE(os::Exists(root() + "/" + id)) << "no other program has to do with it";
}

}  // namespace
}  // namespace keelson::cri_server
