// SPDX-License-Identifier: Apache-2.0
// The CRI to the letter, on the real kernel: what a client may rely on when things go wrong, repeat
// or cross. docs/conformance.md names these tests.
#include <dirent.h>
#include <signal.h>

#include <future>

#include "lib/json/value.h"
#include "runtime/cri/crio_form.h"
#include "runtime/cri/testing/served_fixture.h"

namespace keelson::cri_server {
namespace {

using container::ContainerState;
using container::SandboxState;

TEST_F(RuntimeTest, StopPodSandbox_ThatFailsIsSaidAndTheNextTryEndsIt) {
  const std::string pod = Start("p");
  const std::string id = Run(pod, Script("c", "while true; do sleep 1; done"));
  brittle_->teardown = base::Unavailable("the wire is stuck");
  const base::Status stopped = runtime_->StopPodSandbox(pod);
  ASSERT_FALSE(stopped.ok());
  EXPECT_NE(stopped.error().message().find("the wire is stuck"), std::string::npos)
      << stopped.error().message();
  EXPECT_EQ(runtime_->GetSandbox(pod).value().record.state, SandboxState::kStopping);
  EXPECT_EQ(runtime_->GetContainer(id).value().record.state, ContainerState::kExited);
  EXPECT_FALSE(runtime_->RemovePodSandbox(pod).ok());
  EXPECT_TRUE(runtime_->GetSandbox(pod).ok());
  brittle_->teardown = base::Ok();
  EXPECT_TRUE(runtime_->StopPodSandbox(pod).ok());
  EXPECT_EQ(runtime_->GetSandbox(pod).value().record.state, SandboxState::kStopped);
  EXPECT_TRUE(runtime_->StopPodSandbox(pod).ok());
}

TEST_F(RuntimeTest, RunPodSandbox_ThatFailsLeavesNothing) {
  brittle_->setup = base::ResourceExhausted("no address is left");
  const base::Result<std::string> made = runtime_->RunPodSandbox(Pod("p"), "");
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().code(), base::Code::kResourceExhausted);
  EXPECT_TRUE(runtime_->ListSandboxes().empty());
  brittle_->setup = base::Ok();
  EXPECT_NE(Start("p"), "") << "and the same name is free";
}

TEST_F(RuntimeTest, RunPodSandbox_ThatCannotBeUndoneIsShownUntilItIs) {
  brittle_->setup = brittle_->teardown = base::Unavailable("the wire is stuck");
  ASSERT_FALSE(runtime_->RunPodSandbox(Pod("p"), "").ok());
  ASSERT_EQ(runtime_->ListSandboxes().size(), 1u);
  EXPECT_EQ(runtime_->ListSandboxes()[0].record.state, SandboxState::kStopping);
  Boot();
  ASSERT_EQ(runtime_->ListSandboxes().size(), 1u) << "also after a restart";
  brittle_->setup = brittle_->teardown = base::Ok();
  EXPECT_TRUE(runtime_->RemovePodSandbox(runtime_->ListSandboxes()[0].record.id).ok());
}

TEST_F(RuntimeTest, RunPodSandbox_CutOffLeavesNoMonitor) {
  const std::string pod = Start("p");
  runtime_.reset();
  const std::string path = dir_.path() + "/pods/" + pod + "/record";
  container::SandboxRecord record =
      container::DecodeSandboxRecord(os::ReadFile(path).value()).value();
  record.state = SandboxState::kCreating;
  ASSERT_TRUE(os::WriteFileAtomic(path, container::Encode(record), 0600).ok());
  EXPECT_EQ(ProcessesOf("keelson-monitor", pod).size(), 1u);
  Boot();
  EXPECT_TRUE(runtime_->ListSandboxes().empty());
  EXPECT_TRUE(Eventually([&] { return ProcessesOf("keelson-monitor", pod).empty(); }));
}

TEST_F(RuntimeTest, CreateContainer_AndStartContainer_NeedAReadyPod) {
  const std::string pod = Start("p");
  const std::string id = runtime_->CreateContainer(pod, Script("c", "exit 0")).value();
  ASSERT_TRUE(runtime_->StopPodSandbox(pod).ok());
  EXPECT_EQ(runtime_->StartContainer(id).error().code(), base::Code::kFailedPrecondition);
  EXPECT_EQ(runtime_->GetContainer(id).value().record.state, ContainerState::kCreated)
      << "it never ran";
  EXPECT_EQ(runtime_->CreateContainer(pod, Script("d", "exit 0")).error().code(),
            base::Code::kFailedPrecondition);
  EXPECT_EQ(runtime_->CreateContainer("unknown", Script("d", "exit 0")).error().code(),
            base::Code::kNotFound);
}

TEST_F(RuntimeTest, StopPodSandbox_EndsStartsThatCrossIt) {
  for (int round = 0; round < 5; ++round) {
    const std::string pod = Start("p" + std::to_string(round));
    std::vector<std::string> ids;
    for (int i = 0; i < 3; ++i) {
      ids.push_back(runtime_
                        ->CreateContainer(
                            pod, Script("c" + std::to_string(i), "while true; do sleep 1; done"))
                        .value());
    }
    std::vector<std::future<base::Status>> starts;
    for (const std::string& id : ids) {
      starts.push_back(
          std::async(std::launch::async, [this, id] { return runtime_->StartContainer(id); }));
    }
    const base::Status stopped = runtime_->StopPodSandbox(pod);
    EXPECT_TRUE(stopped.ok()) << stopped.error().message();
    for (std::future<base::Status>& start : starts) (void)start.get();
    for (const std::string& id : ids) {
      const ContainerState state = runtime_->GetContainer(id).value().record.state;
      EXPECT_TRUE(state == ContainerState::kExited || state == ContainerState::kCreated)
          << static_cast<int>(state);
    }
    EXPECT_TRUE(runtime_->RemovePodSandbox(pod).ok());
  }
}

TEST_F(RuntimeTest, RunPodSandbox_RetriesJoinTheFirstCall) {
  std::vector<std::future<base::Result<std::string>>> calls;
  for (int i = 0; i < 8; ++i)
    calls.push_back(std::async(std::launch::async,
                               [this] { return runtime_->RunPodSandbox(Pod("p"), "keelson"); }));
  std::set<std::string> ids;
  for (auto& call : calls) ids.insert(call.get().value());
  EXPECT_EQ(ids.size(), 1u);
}

TEST_F(RuntimeTest, StartContainer_ThatRunsThoughItFailedIsKilledByTheNextDaemon) {
  const std::string id = Run(Start("web"), Script("c", "while true; do sleep 1000; done"));
  container::ContainerRecord record = runtime_->GetContainer(id).value().record;
  const int32_t pid = std::exchange(record.pid, 0);
  record.state = container::ContainerState::kExited;
  record.exit_code = 128;
  record.reason = "StartError";
  ASSERT_TRUE(os::WriteFileAtomic(dir_.path() + "/containers/" + id + "/record",
                                  container::Encode(record), 0600)
                  .ok());
  Boot();
  EXPECT_TRUE(Eventually([&] { return !os::Exists("/proc/" + std::to_string(pid)); }));
  EXPECT_EQ(runtime_->GetContainer(id).value().record.exit_code, 128);
}

TEST_F(RuntimeTest, RemovePodSandbox_WithoutMonitorAndAnchor) {
  const std::string pod = Start("p");
  const std::string id = Run(pod, Script("c", "while true; do sleep 1; done"));
  const pid_t first = runtime_->GetContainer(id).value().record.pid;
  for (const pid_t anchor : ProcessesOf("keelson-anchor", run_))
    ASSERT_EQ(kill(anchor, SIGKILL), 0);
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
}

TEST_F(RuntimeTest, APodThatNobodyWatchesAnyMoreIsEndedAndSaysSo) {
  const std::string pod = Start("p");
  const std::string id = Run(pod, Script("c", "while true; do sleep 1; done"));
  for (const pid_t anchor : ProcessesOf("keelson-anchor", run_))
    ASSERT_EQ(kill(anchor, SIGKILL), 0);
  for (const pid_t monitor : ProcessesOf("keelson-monitor", pod)) (void)kill(monitor, SIGKILL);
  EXPECT_TRUE(Eventually(
      [&] { return runtime_->GetSandbox(pod).value().record.state == SandboxState::kStopped; }));
  const container::ContainerRecord record = runtime_->GetContainer(id).value().record;
  EXPECT_EQ(record.exit_code, 255);
  EXPECT_EQ(record.reason, "Unknown");
}

TEST_F(RuntimeTest, ADeadAnchorStopsNothing) {
  const std::string old = Start("old");
  const std::string runs = Run(old, Script("runs", "while true; do echo line; sleep 0.05; done"));
  for (const pid_t anchor : ProcessesOf("keelson-anchor", run_))
    ASSERT_EQ(kill(anchor, SIGKILL), 0);
  // New pods, new containers in old pods, commands, ends and their codes.
  Run(Start("new"), Script("c", "while true; do sleep 1; done"));
  EXPECT_EQ(WaitForExit(Run(old, Script("more", "exit 6"))).exit_code, 6);
  EXPECT_EQ(
      runtime_->ExecSync(runs, {"sh", "-c", "exit 3"}, std::chrono::seconds(60)).value().exit_code,
      3);
  // And a daemon that starts now finds them all.
  Boot();
  EXPECT_EQ(runtime_->GetSandbox(old).value().record.state, SandboxState::kReady);
  EXPECT_EQ(runtime_->GetContainer(runs).value().record.state, ContainerState::kRunning);
  EXPECT_EQ(WaitForExit(Run(old, Script("later", "exit 7"))).exit_code, 7);
  EXPECT_TRUE(runtime_->StopContainer(runs, std::chrono::seconds(0)).ok());
  EXPECT_EQ(runtime_->GetContainer(runs).value().record.exit_code, 137);
  EXPECT_TRUE(runtime_->RemovePodSandbox(old).ok());
  EXPECT_TRUE(Eventually([&] { return ProcessesOf("keelson-monitor", old).empty(); }));
}

TEST_F(RuntimeTest, ContainerStatus_OfAChildKilledAtTheMemoryLimitIsOOMKilled) {
  cri::ContainerConfig config = Script("c", "sh -c 'x=a; while true; do x=$x$x; done'; exit $?");
  config.mutable_linux()->mutable_resources()->set_memory_limit_in_bytes(16 << 20);
  config.mutable_linux()->mutable_resources()->set_memory_swap_limit_in_bytes(16 << 20);
  const container::ContainerRecord record = WaitForExit(Run(Start("p"), config));
  EXPECT_EQ(record.exit_code, 137);
  EXPECT_EQ(record.reason, "OOMKilled");
}

TEST_F(RuntimeTest, RemoveImage_TakesNoImageFromAContainer) {
  const std::string pod = Start("p");
  const std::string runs = Run(pod, Script("runs", "while true; do sleep 1; done"));
  const std::string waits = runtime_->CreateContainer(pod, Script("waits", "exit 0")).value();
  images_->named = false;
  EXPECT_EQ(
      runtime_->ExecSync(runs, {"sh", "-c", "exit 3"}, std::chrono::seconds(60)).value().exit_code,
      3);
  EXPECT_TRUE(runtime_->StartContainer(waits).ok());
  EXPECT_EQ(runtime_->CreateContainer(pod, Script("new", "exit 0")).error().code(),
            base::Code::kNotFound);
}

TEST_F(RuntimeTest, StopContainer_ASecondShortensTheFirstAndContainerStatusWaitsForNeither) {
  const std::string id =
      Run(Start("p"),
          Script("deaf", "trap 'echo again' TERM; echo ready; while true; do sleep 0.05; done"));
  ASSERT_TRUE(Eventually([&] { return Log("p", "deaf").find("ready") != std::string::npos; }));
  std::future<base::Status> first = std::async(
      std::launch::async, [&] { return runtime_->StopContainer(id, std::chrono::seconds(1000)); });
  ASSERT_TRUE(Eventually([&] { return Log("p", "deaf").find("again") != std::string::npos; }));
  EXPECT_EQ(runtime_->GetContainer(id).value().record.state, ContainerState::kRunning);
  EXPECT_TRUE(runtime_->StopContainer(id, std::chrono::seconds(1)).ok());
  EXPECT_TRUE(first.get().ok());
  const std::string log = Log("p", "deaf");
  EXPECT_EQ(log.find("again"), log.rfind("again")) << "the signal is sent once: " << log;
  EXPECT_EQ(runtime_->GetContainer(id).value().record.exit_code, 137);
}

TEST_F(RuntimeTest, StopContainer_SendsTheContainersOwnSignal) {
  cri::ContainerConfig config =
      Script("c", "trap 'exit 9' USR1; echo ready; while true; do sleep 0.05; done");
  config.set_stop_signal(cri::SIGNAL_SIGUSR1);
  const std::string id = Run(Start("p"), config);
  ASSERT_TRUE(Eventually([&] { return Log("p", "c").find("ready") != std::string::npos; }));
  EXPECT_TRUE(runtime_->StopContainer(id, std::chrono::seconds(60)).ok());
  EXPECT_EQ(runtime_->GetContainer(id).value().record.exit_code, 9);
}

TEST_F(RuntimeTest, ExecSync_ThatHangsIsCountedPerPod) {
  const std::string id = Run(Start("p"), Script("c", "while true; do sleep 1; done"));
  const std::string root =
      "/proc/" + std::to_string(runtime_->GetContainer(id).value().record.pid) + "/root";
  std::vector<std::future<base::Result<ExecOutput>>> hanging;
  for (int i = 0; i < Runtime::kMostExecs; ++i) {
    const std::string script =
        "touch /in" + std::to_string(i) + "; until test -e /go; do sleep 0.1; done";
    hanging.push_back(std::async(std::launch::async, [this, id, script] {
      return runtime_->ExecSync(id, {"sh", "-c", script}, std::chrono::seconds(100));
    }));
  }
  for (int i = 0; i < Runtime::kMostExecs; ++i)
    ASSERT_TRUE(Eventually([&] { return os::Exists(root + "/in" + std::to_string(i)); }));
  EXPECT_EQ(runtime_->ExecSync(id, {"sh", "-c", "exit 0"}, std::chrono::seconds(60)).error().code(),
            base::Code::kResourceExhausted);
  ASSERT_TRUE(os::WriteFileAtomic(root + "/go", "", 0644).ok());
  for (auto& one : hanging) EXPECT_EQ(one.get().value().exit_code, 0);
  EXPECT_EQ(
      runtime_->ExecSync(id, {"sh", "-c", "exit 0"}, std::chrono::seconds(60)).value().exit_code,
      0);
}

TEST_F(RuntimeTest, StartContainer_WritesALogThroughNoLink) {
  const std::string pod = Start("p");
  const std::string logs = dir_.path() + "/logs/p";
  ASSERT_TRUE(os::MakeDirs(logs, 0755).ok());
  ASSERT_TRUE(os::MakeDirs(dir_.path() + "/elsewhere", 0755).ok());
  ASSERT_EQ(symlink((dir_.path() + "/elsewhere").c_str(), (logs + "/c").c_str()), 0);
  const std::string id = runtime_->CreateContainer(pod, Script("c", "echo hello")).value();
  const base::Status started = runtime_->StartContainer(id);
  ASSERT_FALSE(started.ok());
  EXPECT_NE(started.error().message().find("log directory"), std::string::npos)
      << started.error().message();
  EXPECT_TRUE(os::ListDir(dir_.path() + "/elsewhere").value().empty());
}

TEST_F(ServedTest, UpdateContainerResources_IsSeenInTheContainerStatusAtOnce) {
  const std::string pod = Start("p");
  const std::string id = Run(pod, Script("c", "while true; do sleep 1; done"));
  cri::UpdateContainerResourcesRequest update;
  update.set_container_id(id);
  update.mutable_linux()->set_memory_limit_in_bytes(64 << 20);
  update.mutable_linux()->set_cpu_shares(512);
  cri::UpdateContainerResourcesResponse updated;
  ASSERT_TRUE(Ask(&Pods::UpdateContainerResources, update, &updated).ok());
  cri::ContainerStatusRequest question;
  question.set_container_id(id);
  cri::ContainerStatusResponse status;
  ASSERT_TRUE(Ask(&Pods::ContainerStatus, question, &status).ok());
  EXPECT_EQ(status.status().resources().linux().memory_limit_in_bytes(), 64 << 20);
  EXPECT_EQ(status.status().resources().linux().cpu_shares(), 512);
  update.mutable_linux()->set_cpuset_cpus("4000");
  EXPECT_EQ(Ask(&Pods::UpdateContainerResources, update, &updated).error_code(),
            grpc::INVALID_ARGUMENT);
  update.set_container_id("nobody");
  EXPECT_EQ(Ask(&Pods::UpdateContainerResources, update, &updated).error_code(), grpc::NOT_FOUND);
  cri::UpdatePodSandboxResourcesRequest of_pod;
  of_pod.set_pod_sandbox_id(pod);
  of_pod.mutable_resources()->set_memory_limit_in_bytes(128 << 20);
  cri::UpdatePodSandboxResourcesResponse done;
  ASSERT_TRUE(Ask(&Pods::UpdatePodSandboxResources, of_pod, &done).ok());
  cri::PodSandboxStatusRequest of_status;
  of_status.set_pod_sandbox_id(pod);
  of_status.set_verbose(true);
  cri::PodSandboxStatusResponse shown;
  ASSERT_TRUE(Ask(&Pods::PodSandboxStatus, of_status, &shown).ok());
  EXPECT_NE(shown.info().at("info").find("134217728"), std::string::npos);
}

// As clients have it: a message of theirs is at most 16 MiB, all of it.
TEST_F(ServedTest, ExecSync_DropsOutputBeyondTheLimitAndGoesOn) {
  const std::string id = Run(Start("p"), Script("c", "while true; do sleep 1; done"));
  constexpr size_t kMost = (16u << 20) - 1024, kHalf = kMost / 2;
  constexpr struct {
    size_t out, err, kept_out, kept_err;
  } kCases[] = {{20'000'000, 5, kMost - 5, 5},
                {5, 20'000'000, 5, kMost - 5},
                {20'000'000, 20'000'000, kHalf, kHalf},
                {9'000'000, 7'000'000, 9'000'000, 7'000'000},
                {20'000'000, 3'000'000, kMost - 3'000'000, 3'000'000}};
  for (const auto& c : kCases) {
    SCOPED_TRACE(fmt::format("{} and {}", c.out, c.err));
    cri::ExecSyncRequest request;
    request.set_container_id(id);
    request.set_timeout(120);
    request.add_cmd("sh");
    request.add_cmd("-c");
    request.add_cmd(
        fmt::format("printf begin; busybox head -c {} /dev/zero; "
                    "printf begin >&2; busybox head -c {} /dev/zero >&2; exit 3",
                    c.out - 5, c.err - 5));
    cri::ExecSyncResponse answer;
    grpc::ClientContext context;
    const grpc::Status status = pods_->ExecSync(&context, request, &answer);
    ASSERT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(answer.stdout().size(), c.kept_out);
    EXPECT_EQ(answer.stderr().size(), c.kept_err);
    EXPECT_EQ(answer.exit_code(), 3);
    EXPECT_TRUE(answer.stdout().starts_with("begin") && answer.stderr().starts_with("begin"));
    EXPECT_LE(answer.ByteSizeLong(), size_t{16} << 20);
  }
}

TEST_F(ServedTest, GetContainerEvents_TellOfPodsAndContainersInOrderWithTheirStatuses) {
  grpc::ClientContext context;
  const auto events = pods_->GetContainerEvents(&context, cri::GetEventsRequest());
  events->WaitForInitialMetadata();
  const std::string pod = Start("web");
  const std::string id = Run(pod, Script("c", "while true; do sleep 1; done"));
  ASSERT_TRUE(runtime_->StopContainer(id, std::chrono::seconds(0)).ok());
  ASSERT_TRUE(runtime_->RemovePodSandbox(pod).ok());
  std::vector<std::pair<std::string, cri::ContainerEventType>> seen;
  cri::ContainerEventResponse event;
  while (seen.size() < 8 && events->Read(&event)) {
    seen.emplace_back(event.container_id(), event.container_event_type());
    EXPECT_EQ(event.pod_sandbox_status().id(), pod);
    EXPECT_EQ(event.pod_sandbox_status().metadata().uid(), "uid-web")
        << "also of a pod that is gone";
    EXPECT_GT(event.created_at(), 0);
    if (seen.back() == std::pair{id, cri::CONTAINER_STARTED_EVENT}) {
      ASSERT_EQ(event.containers_statuses_size(), 1);
      EXPECT_EQ(event.containers_statuses(0).state(), cri::CONTAINER_RUNNING);
    }
  }
  EXPECT_EQ(seen, (std::vector<std::pair<std::string, cri::ContainerEventType>>{
                      {pod, cri::CONTAINER_CREATED_EVENT},
                      {pod, cri::CONTAINER_STARTED_EVENT},
                      {id, cri::CONTAINER_CREATED_EVENT},
                      {id, cri::CONTAINER_STARTED_EVENT},
                      {id, cri::CONTAINER_STOPPED_EVENT},
                      {pod, cri::CONTAINER_STOPPED_EVENT},
                      {id, cri::CONTAINER_DELETED_EVENT},
                      {pod, cri::CONTAINER_DELETED_EVENT}}));
  context.TryCancel();
  (void)events->Finish();
}

TEST_F(ServedTest, GetContainerEvents_CutOffAClientThatIsTooSlow) {
  grpc::ClientContext context;
  const auto events = pods_->GetContainerEvents(&context, cri::GetEventsRequest());
  events->WaitForInitialMetadata();
  cri::PodSandboxConfig config = Pod("web");
  (*config.mutable_annotations())["long"] =
      std::string(20000, 'x');  // what is on its way fills the connection soon
  const std::string pod = runtime_->RunPodSandbox(config, "").value();
  for (uint32_t i = 0; i < 700; ++i) {
    cri::ContainerConfig container = Script("c", "exit 0");
    container.mutable_metadata()->set_attempt(i);
    ASSERT_TRUE(runtime_->RemoveContainer(runtime_->CreateContainer(pod, container).value()).ok());
  }
  int read = 0;
  cri::ContainerEventResponse event;
  while (events->Read(&event)) ++read;
  const grpc::Status ended = events->Finish();
  EXPECT_EQ(ended.error_code(), grpc::RESOURCE_EXHAUSTED) << ended.error_message();
  EXPECT_LT(read, 1402);
  EXPECT_TRUE(
      Ask(&Pods::Version, cri::VersionRequest(), std::make_unique<cri::VersionResponse>().get())
          .ok())
      << "nobody else is disturbed";
}

TEST_F(ServedTest, StopContainer_DoesNotHoldUpTheEndOfTheDaemon) {
  const std::string id =
      Run(Start("p"), Script("c", "trap '' TERM; echo ready >/r; while true; do sleep 1; done"));
  EXPECT_TRUE(Eventually([&] { return os::Exists(runtime_->DirectoryOf(id) + "/diff/r"); }));
  auto stop = std::async(std::launch::async, [&] {
    cri::StopContainerRequest request;
    request.set_container_id(id);
    request.set_timeout(600);
    cri::StopContainerResponse response;
    return Ask(&Pods::StopContainer, request, &response);
  });
  EXPECT_TRUE(Eventually([&] {
    const std::vector<operations::UnderWay> all = operations_.List();
    return all.size() == 1 && all[0].stage == "waiting for the container to end";
  }));
  service_.reset();
  ASSERT_EQ(stop.wait_for(std::chrono::minutes(2)), std::future_status::ready);
  EXPECT_EQ(stop.get().error_code(), grpc::UNAVAILABLE);
  EXPECT_EQ(runtime_->GetContainer(id).value().record.state, ContainerState::kRunning);
}

TEST_F(ServedTest, CadvisorIsAnsweredAsCrioDoes) {
  const std::string pod = Start("p");
  cri::ContainerConfig config = Script("c", "while true; do sleep 1; done");
  (*config.mutable_labels())["io.kubernetes.pod.name"] = "p";
  const std::string id = Run(pod, config);
  const http::Response info = AnswerAsCrio(*runtime_, {.method = "GET", .path = "/info"});
  EXPECT_EQ(json::ParseJson(info.body).value().At({"storage_driver"}).AsString(), "overlay");
  const http::Response found =
      AnswerAsCrio(*runtime_, {.method = "GET", .path = "/containers/" + id});
  ASSERT_EQ(found.status, 200) << found.body;
  const json::Value container = json::ParseJson(found.body).value();
  EXPECT_EQ(container.At({"name"}).AsString(), "k8s_c_p_default_uid-p_0");
  EXPECT_EQ(container.At({"pid"}).AsInt(), runtime_->GetContainer(id).value().record.pid);
  EXPECT_EQ(container.At({"labels", "io.kubernetes.pod.name"}).AsString(), "p");
  std::string root = container.At({"root"}).AsString();
  root.resize(root.size() - std::string("/merged").size());
  EXPECT_TRUE(os::Exists(root + "/diff"));
  EXPECT_EQ(
      AnswerAsCrio(*runtime_, {.method = "GET", .path = "/containers/" + id.substr(0, 12)}).status,
      404);
  EXPECT_EQ(AnswerAsCrio(*runtime_, {.method = "POST", .path = "/info"}).status, 405);
}

}  // namespace
}  // namespace keelson::cri_server
