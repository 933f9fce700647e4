// SPDX-License-Identifier: Apache-2.0
// The CRI to the letter, on the real kernel: what a client may rely on when things go wrong, repeat
// or cross. docs/conformance.md names these tests.
#include <dirent.h>
#include <signal.h>

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <future>

#include "cri-api/service.grpc.pb.h"
#include "lib/json/value.h"
#include "lib/rpc/channel.h"
#include "runtime/cri/crio_form.h"
#include "runtime/cri/service.h"
#include "runtime/cri/testing/runtime_fixture.h"

namespace keelson::cri_server {
namespace {

using container::ContainerState;
using container::SandboxState;

TEST_F(RuntimeTest, ATearDownThatFailsIsSaidAndTheNextTryEndsIt) {
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
  container::SandboxRecord record =
      container::DecodeSandboxRecord(os::ReadFile(path).value()).value();
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
  EXPECT_EQ(runtime_->GetContainer(id).value().record.state, ContainerState::kCreated)
      << "it never ran";
  EXPECT_EQ(runtime_->CreateContainer(pod, Script("d", "exit 0")).error().code(),
            base::Code::kFailedPrecondition);
  EXPECT_EQ(runtime_->CreateContainer("unknown", Script("d", "exit 0")).error().code(),
            base::Code::kNotFound);
}

TEST_F(RuntimeTest, StartsThatCrossAStopEndWithThePod) {
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

TEST_F(RuntimeTest, ManyCallsForOnePodAreOne) {
  std::vector<std::future<base::Result<std::string>>> calls;
  for (int i = 0; i < 8; ++i)
    calls.push_back(std::async(std::launch::async,
                               [this] { return runtime_->RunPodSandbox(Pod("p"), "keelson"); }));
  std::set<std::string> ids;
  for (auto& call : calls) ids.insert(call.get().value());
  EXPECT_EQ(ids.size(), 1u);
}

TEST_F(RuntimeTest, APodWhoseMonitorAndAnchorAreGoneCanStillBeRemoved) {
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
  EXPECT_EQ(
      runtime_->ExecSync(runs, {"sh", "-c", "exit 3"}, std::chrono::seconds(60)).value().exit_code,
      3);
  EXPECT_TRUE(runtime_->StartContainer(waits).ok());
  EXPECT_EQ(runtime_->CreateContainer(pod, Script("new", "exit 0")).error().code(),
            base::Code::kNotFound);
}

TEST_F(RuntimeTest, ASecondStopShortensTheFirstAndStatusWaitsForNeither) {
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

TEST_F(RuntimeTest, TheContainersOwnStopSignalIsSent) {
  cri::ContainerConfig config =
      Script("c", "trap 'exit 9' USR1; echo ready; while true; do sleep 0.05; done");
  config.set_stop_signal(cri::SIGNAL_SIGUSR1);
  const std::string id = Run(Start("p"), config);
  ASSERT_TRUE(Eventually([&] { return Log("p", "c").find("ready") != std::string::npos; }));
  EXPECT_TRUE(runtime_->StopContainer(id, std::chrono::seconds(60)).ok());
  EXPECT_EQ(runtime_->GetContainer(id).value().record.exit_code, 9);
}

TEST_F(RuntimeTest, OnePodsHangingCommandsAreCounted) {
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

TEST_F(RuntimeTest, ALogGoesThroughNoLink) {
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

// A client over the real socket.
class ServedTest : public RuntimeTest {
 protected:
  void SetUp() override {
    RuntimeTest::SetUp();
    if (!runtime_) return;
    base::Result<std::unique_ptr<Service>> service =
        Service::Serve(*runtime_, *images_, clock_, run_ + "/cri.sock");
    ASSERT_TRUE(service.ok()) << service.error().message();
    service_ = std::move(service).value();
    const auto channel = rpc::ConnectUnix(run_ + "/cri.sock");
    pods_ = cri::RuntimeService::NewStub(channel);
    stored_ = cri::ImageService::NewStub(channel);
  }
  void TearDown() override {
    service_.reset();
    RuntimeTest::TearDown();
  }
  template <typename Stub, typename Request, typename Response>
  grpc::Status Call(Stub& stub,
                    grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                    const Request& request, Response* response) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    return (stub.*method)(&context, request, response);
  }
  template <typename Request, typename Response>
  grpc::Status Ask(grpc::Status (cri::RuntimeService::Stub::*method)(grpc::ClientContext*,
                                                                     const Request&, Response*),
                   const Request& request, Response* response) {
    return Call(*pods_, method, request, response);
  }
  template <typename Request, typename Response>
  grpc::Status Ask(grpc::Status (cri::ImageService::Stub::*method)(grpc::ClientContext*,
                                                                   const Request&, Response*),
                   const Request& request, Response* response) {
    return Call(*stored_, method, request, response);
  }
  using Pods = cri::RuntimeService::Stub;
  using Stored = cri::ImageService::Stub;

  std::unique_ptr<Service> service_;
  std::unique_ptr<cri::RuntimeService::Stub> pods_;
  std::unique_ptr<cri::ImageService::Stub> stored_;
};

TEST_F(ServedTest, TheNodeIsDescribedAsKubeletsNeedIt) {
  cri::VersionResponse version;
  ASSERT_TRUE(Ask(&Pods::Version, cri::VersionRequest(), &version).ok());
  for (const std::string& field :
       {version.version(), version.runtime_name(), version.runtime_version()})
    EXPECT_NE(field, "");
  EXPECT_EQ(version.runtime_api_version(), "v1");
  cri::StatusRequest verbose;
  verbose.set_verbose(true);
  cri::StatusResponse status;
  ASSERT_TRUE(Ask(&Pods::Status, verbose, &status).ok());
  ASSERT_EQ(status.status().conditions_size(), 2);
  EXPECT_EQ(status.status().conditions(0).type(), "RuntimeReady");
  EXPECT_EQ(status.status().conditions(1).type(), "NetworkReady");
  ASSERT_EQ(status.runtime_handlers_size(), 2);
  EXPECT_EQ(status.runtime_handlers(0).name(), "");
  EXPECT_EQ(status.runtime_handlers(1).name(), "keelson");
  EXPECT_TRUE(status.runtime_handlers(1).features().recursive_read_only_mounts());
  EXPECT_TRUE(status.runtime_handlers(1).features().user_namespaces());
  EXPECT_TRUE(status.features().supplemental_groups_policy());
  for (const char* key : {"info", "config"})
    EXPECT_EQ(json::ParseJson(status.info().at(key)).value().At({"stateDir"}).AsString(),
              dir_.path());
  status.Clear();
  ASSERT_TRUE(Ask(&Pods::Status, cri::StatusRequest(), &status).ok());
  EXPECT_TRUE(status.info().empty());
  cri::RuntimeConfigResponse config;
  ASSERT_TRUE(Ask(&Pods::RuntimeConfig, cri::RuntimeConfigRequest(), &config).ok());
  EXPECT_EQ(config.linux().cgroup_driver(), cri::CGROUPFS);
  cri::UpdateRuntimeConfigRequest update;
  update.mutable_runtime_config()->mutable_network_config()->set_pod_cidr("10.9.0.0/24");
  cri::UpdateRuntimeConfigResponse updated;
  EXPECT_TRUE(Ask(&Pods::UpdateRuntimeConfig, update, &updated).ok());
}

TEST_F(ServedTest, ImagesAnswerAsKubeletsNeedIt) {
  cri::ListImagesResponse list;
  ASSERT_TRUE(Ask(&Stored::ListImages, cri::ListImagesRequest(), &list).ok());
  ASSERT_EQ(list.images_size(), 1);
  cri::ListImagesRequest other;
  other.mutable_filter()->mutable_image()->set_image("other");
  list.Clear();
  ASSERT_TRUE(Ask(&Stored::ListImages, other, &list).ok());
  EXPECT_EQ(list.images_size(), 0);
  cri::ImageStatusRequest which;
  which.mutable_image()->set_image("busybox");
  which.set_verbose(true);
  cri::ImageStatusResponse image;
  ASSERT_TRUE(Ask(&Stored::ImageStatus, which, &image).ok());
  EXPECT_NE(image.image().id(), "");
  EXPECT_TRUE(image.info().contains("config"));
  which.mutable_image()->set_image("absent");
  image.Clear();
  ASSERT_TRUE(Ask(&Stored::ImageStatus, which, &image).ok()) << "absent is no error";
  EXPECT_FALSE(image.has_image());
  cri::PullImageRequest pull;
  pull.mutable_image()->set_image("busybox");
  cri::PullImageResponse pulled;
  ASSERT_TRUE(Ask(&Stored::PullImage, pull, &pulled).ok());
  EXPECT_EQ(pulled.image_ref(), images_->List()[0].id) << "the id, as in every status";
  cri::RemoveImageRequest remove;
  remove.mutable_image()->set_image("absent");
  cri::RemoveImageResponse removed;
  EXPECT_TRUE(Ask(&Stored::RemoveImage, remove, &removed).ok());
  cri::ImageFsInfoResponse disks;
  ASSERT_TRUE(Ask(&Stored::ImageFsInfo, cri::ImageFsInfoRequest(), &disks).ok());
  ASSERT_EQ(disks.image_filesystems_size(), 1);
  ASSERT_EQ(disks.container_filesystems_size(), 1);
  EXPECT_GT(disks.image_filesystems(0).timestamp(), 0);
  EXPECT_GT(disks.container_filesystems(0).timestamp(), 0);
}

TEST_F(ServedTest, PodsAndContainersAnswerAsKubeletsNeedIt) {
  cri::PodSandboxStatusRequest pod_request;
  pod_request.set_pod_sandbox_id("0123456789ab");
  cri::PodSandboxStatusResponse pod_status;
  EXPECT_EQ(Ask(&Pods::PodSandboxStatus, pod_request, &pod_status).error_code(), grpc::NOT_FOUND);
  cri::ContainerStatusRequest container_request;
  container_request.set_container_id("0123456789ab");
  cri::ContainerStatusResponse container_status;
  EXPECT_EQ(Ask(&Pods::ContainerStatus, container_request, &container_status).error_code(),
            grpc::NOT_FOUND);
  cri::ExecSyncRequest exec;
  exec.set_container_id("0123456789ab");
  exec.add_cmd("true");
  cri::ExecSyncResponse executed;
  EXPECT_EQ(Ask(&Pods::ExecSync, exec, &executed).error_code(), grpc::NOT_FOUND);
  cri::ReopenContainerLogRequest reopen;
  reopen.set_container_id("0123456789ab");
  cri::ReopenContainerLogResponse reopened;
  EXPECT_EQ(Ask(&Pods::ReopenContainerLog, reopen, &reopened).error_code(), grpc::NOT_FOUND);
  cri::StartContainerRequest start;
  start.set_container_id("0123456789ab");
  cri::StartContainerResponse started;
  EXPECT_EQ(Ask(&Pods::StartContainer, start, &started).error_code(), grpc::NOT_FOUND);
  cri::StopPodSandboxRequest stop;
  stop.set_pod_sandbox_id("0123456789ab");
  cri::StopPodSandboxResponse stopped;
  EXPECT_TRUE(Ask(&Pods::StopPodSandbox, stop, &stopped).ok());
  cri::RemovePodSandboxRequest remove;
  remove.set_pod_sandbox_id("0123456789ab");
  cri::RemovePodSandboxResponse removed;
  EXPECT_TRUE(Ask(&Pods::RemovePodSandbox, remove, &removed).ok());

  const std::string pod = Start("web");
  const std::string id =
      runtime_->CreateContainer(pod, Script("c", "while true; do sleep 1; done")).value();
  pod_request.set_pod_sandbox_id(pod);
  pod_request.set_verbose(true);
  ASSERT_TRUE(Ask(&Pods::PodSandboxStatus, pod_request, &pod_status).ok());
  EXPECT_EQ(pod_status.status().network().ip(), "10.201.7.2");
  EXPECT_GT(pod_status.timestamp(), 0);
  ASSERT_EQ(pod_status.containers_statuses_size(), 1);
  EXPECT_EQ(pod_status.containers_statuses(0).state(), cri::CONTAINER_CREATED);
  EXPECT_EQ(json::ParseJson(pod_status.info().at("info")).value().At({"state"}).AsString(),
            "ready");
  EXPECT_EQ(Ask(&Pods::ExecSync, exec, &executed).error_code(), grpc::NOT_FOUND);
  exec.set_container_id(id);
  EXPECT_EQ(Ask(&Pods::ExecSync, exec, &executed).error_code(), grpc::FAILED_PRECONDITION)
      << "it does not run yet";
  reopen.set_container_id(id);
  EXPECT_FALSE(Ask(&Pods::ReopenContainerLog, reopen, &reopened).ok());
  EXPECT_EQ(Log("web", "c"), "");
  start.set_container_id(id);
  ASSERT_TRUE(Ask(&Pods::StartContainer, start, &started).ok());
  EXPECT_EQ(Ask(&Pods::StartContainer, start, &started).error_code(), grpc::FAILED_PRECONDITION);
  container_request.set_container_id(id.substr(0, 13));
  container_request.set_verbose(true);
  ASSERT_TRUE(Ask(&Pods::ContainerStatus, container_request, &container_status).ok())
      << "a part of the id that is one's alone is enough";
  EXPECT_EQ(container_status.status().id(), id);
  EXPECT_GE(container_status.status().started_at(), container_status.status().created_at());
  EXPECT_EQ(container_status.status().log_path(), dir_.path() + "/logs/web/c/0.log");
  EXPECT_GT(json::ParseJson(container_status.info().at("info")).value().At({"pid"}).AsInt(), 1);
  exec.set_timeout(1);
  exec.clear_cmd();
  for (const char* word : {"sleep", "100"}) exec.add_cmd(word);
  EXPECT_EQ(Ask(&Pods::ExecSync, exec, &executed).error_code(), grpc::DEADLINE_EXCEEDED);
}

TEST_F(ServedTest, UpdateContainerResourcesIsSeenInTheStatusAtOnce) {
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

TEST_F(ServedTest, OutputBeyondTheLimitIsDroppedAndTheCommandGoesOn) {
  const std::string id = Run(Start("p"), Script("c", "while true; do sleep 1; done"));
  const ExecOutput output =
      runtime_
          ->ExecSync(id, {"sh", "-c", "busybox head -c 20000000 /dev/zero; echo end >&2; exit 3"},
                     std::chrono::seconds(60))
          .value();
  EXPECT_EQ(output.out.size(), 16u << 20);
  EXPECT_EQ(output.err, "end\n");
  EXPECT_EQ(output.exit_code, 3);
}

TEST_F(ServedTest, EventsTellOfPodsAndContainersInOrderWithTheirStatuses) {
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

TEST_F(ServedTest, AClientTooSlowForItsEventsIsCutOffAndToldSo) {
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
  ASSERT_EQ(stop.wait_for(std::chrono::seconds(30)), std::future_status::ready);
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
