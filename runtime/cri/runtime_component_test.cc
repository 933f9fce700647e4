// SPDX-License-Identifier: Apache-2.0
// Whole pods on the real kernel: what users and kubelets see of a pod's life.
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <future>
#include <thread>

#include "cri-api/service.grpc.pb.h"
#include "lib/os/process.h"
#include "lib/rpc/channel.h"
#include "runtime/cri/service.h"
#include "runtime/cri/testing/runtime_fixture.h"

namespace keelson::cri_server {
namespace {

TEST_F(RuntimeTest, APodOfWhichNothingWasWrittenIsForgotten) {
  const std::string folder = dir_.path() + "/pods/" + std::string(64, 'd');
  ASSERT_TRUE(os::MakeDirs(folder, 0700).ok());
  Boot();
  EXPECT_FALSE(os::Exists(folder));
  EXPECT_TRUE(runtime_->ListSandboxes().empty());
  EXPECT_FALSE(os::Exists(dir_.path() + "/quarantine/pods-" + std::string(64, 'd')));
}

TEST_F(RuntimeTest, ContainersOfAPodShareItsNetworkAndName) {
  const std::string pod = Start("web");
  EXPECT_EQ(runtime_->GetSandbox(pod).value().record.addresses,
            std::vector<std::string>{"10.201.7.2"});
  EXPECT_EQ(runtime_->RunPodSandbox(Pod("web"), "").value(), pod)
      << "a retry gets what the first call made";
  Run(pod, Script("server", "while true; do echo hello | nc -l -p 8080; done"));
  const std::string client = Run(
      pod,
      Script("client",
             "hostname; until nc localhost 8080 </dev/null; do sleep 0.05; done; cat /etc/hosts"));
  EXPECT_EQ(WaitForExit(client).exit_code, 0);
  const std::string log = LogWith("web", "client", "10.201.7.2\tweb\n");
  EXPECT_NE(log.find("stdout F web\n"), std::string::npos) << log;
  EXPECT_NE(log.find("stdout F hello\n"), std::string::npos) << log;
}

TEST_F(RuntimeTest, PodsReachEachOther) {
  Run(Start("server"), Script("server", "while true; do echo from-server | nc -l -p 8080; done"));
  const std::string client =
      Run(Start("client"),
          Script("client", "until nc 10.201.7.2 8080 </dev/null; do sleep 0.05; done"));
  EXPECT_EQ(WaitForExit(client).exit_code, 0);
  (void)LogWith("client", "client", "from-server");
}

TEST_F(RuntimeTest, ContainerStatus_HasTheReasonsThatKubeletsKnow) {
  const std::string pod = Start("p");
  EXPECT_EQ(WaitForExit(Run(pod, Script("good", "exit 0"))).reason, "Completed");
  const container::ContainerRecord bad = WaitForExit(Run(pod, Script("bad", "exit 3")));
  EXPECT_EQ(bad.reason, "Error");
  EXPECT_EQ(bad.exit_code, 3);
  EXPECT_GT(bad.finished_at, bad.started_at);

  cri::ContainerConfig greedy = Script("greedy", "x=a; while true; do x=$x$x; done");
  greedy.mutable_linux()->mutable_resources()->set_memory_limit_in_bytes(16 << 20);
  greedy.mutable_linux()->mutable_resources()->set_memory_swap_limit_in_bytes(16 << 20);
  const container::ContainerRecord killed = WaitForExit(Run(pod, greedy));
  EXPECT_EQ(killed.reason, "OOMKilled");
  EXPECT_EQ(killed.exit_code, 137);

  cri::ContainerConfig missing = Script("missing", "");
  missing.clear_command();
  missing.add_command("/no/such/program");
  const std::string id = runtime_->CreateContainer(pod, missing).value();
  const base::Status started = runtime_->StartContainer(id);
  ASSERT_FALSE(started.ok());
  EXPECT_NE(started.error().message().find("exec \"/no/such/program\": No such file or directory"),
            std::string::npos)
      << started.error().message();
  const container::ContainerRecord record = runtime_->GetContainer(id).value().record;
  EXPECT_EQ(record.exit_code, 128);
  EXPECT_EQ(record.reason, "StartError");
}

TEST_F(RuntimeTest, StartContainer_OfWhatEndsMeanwhileLosesNoEnd) {
  // The end comes on another thread than the start's answer; neither may overwrite the other's
  // record.
  std::vector<std::thread> threads;
  std::mutex mutex;
  std::vector<std::string> started;
  for (int i = 0; i < 4; ++i) {
    const std::string pod = Start(fmt::format("p{}", i));
    threads.emplace_back([&, pod, i] {
      for (int k = 0; k < 15; ++k) {
        const base::Result<std::string> id =
            runtime_->CreateContainer(pod, Script(fmt::format("c{}-{}", i, k), "exit 0"));
        const base::Status done = id.ok() ? runtime_->StartContainer(*id) : id.error();
        EXPECT_TRUE(done.ok()) << done.error().message();
        if (!done.ok()) continue;
        const std::lock_guard lock(mutex);
        started.push_back(*id);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(started.size(), 60u);
  for (const std::string& id : started) EXPECT_EQ(WaitForExit(id).reason, "Completed");
}

TEST_F(RuntimeTest, ExecSync_AnswersWithOutputCodeOrTimeout) {
  const std::string pod = Start("p");
  cri::ContainerConfig config = Script("c", "while true; do sleep 1; done");
  config.mutable_linux()->mutable_security_context()->set_run_as_username("web");
  const std::string id = Run(pod, config);
  const ExecOutput output =
      runtime_
          ->ExecSync(id, {"sh", "-c", "id -u; echo problem >&2; exit 4"}, std::chrono::seconds(60))
          .value();
  EXPECT_EQ(output.out, "33\n");
  EXPECT_EQ(output.err, "problem\n");
  EXPECT_EQ(output.exit_code, 4);
  EXPECT_EQ(runtime_->ExecSync(id, {"sleep", "100"}, std::chrono::seconds(1)).error().code(),
            base::Code::kDeadlineExceeded);
  const ExecOutput held =
      runtime_->ExecSync(id, {"sh", "-c", "sleep 100 & echo done"}, std::chrono::seconds(60))
          .value();
  EXPECT_EQ(held.out, "done\n") << "a grandchild that holds the pipe does not hold the answer";
  const base::Result<ExecOutput> none = runtime_->ExecSync(id, {"nope"}, std::chrono::seconds(60));
  ASSERT_FALSE(none.ok());
  EXPECT_NE(none.error().message().find("nope"), std::string::npos);
}

TEST_F(RuntimeTest, StopContainer_SendsTheSignalThenKills) {
  const std::string pod = Start("p");
  const std::string polite =
      Run(pod, Script("polite", "trap 'exit 7' TERM; echo ready; while true; do sleep 0.05; done"));
  (void)LogWith("p", "polite", "ready");
  EXPECT_TRUE(runtime_->StopContainer(polite, std::chrono::seconds(60)).ok());
  EXPECT_EQ(runtime_->GetContainer(polite).value().record.exit_code, 7);
  const std::string deaf =
      Run(pod, Script("deaf", "trap '' TERM; while true; do sleep 0.05; done"));
  EXPECT_TRUE(runtime_->StopContainer(deaf, std::chrono::seconds(1)).ok());
  EXPECT_EQ(runtime_->GetContainer(deaf).value().record.exit_code, 137);
  EXPECT_TRUE(runtime_->StopContainer(deaf, std::chrono::seconds(1)).ok());
  EXPECT_TRUE(runtime_->StopContainer("unknown", std::chrono::seconds(1)).ok());
  EXPECT_TRUE(runtime_->RemoveContainer("unknown").ok());
}

TEST_F(RuntimeTest, ADaemonThatDiesFindsEverythingAgain) {
  const std::string pod = Start("p");
  const std::string runs = Run(pod, Script("runs", "while true; do sleep 1; done"));
  const std::string ends = Run(pod, Script("ends", "sleep 0.5; exit 6"));
  const std::string created = runtime_->CreateContainer(pod, Script("created", "exit 0")).value();
  const std::string ending =
      "/proc/" + std::to_string(runtime_->GetContainer(ends).value().record.pid);
  runtime_.reset();
  anchor_.reset();
  EXPECT_TRUE(Eventually([&] { return !os::Exists(ending); })) << "it ends while nobody looks";
  Boot();
  EXPECT_EQ(runtime_->GetSandbox(pod).value().record.state, container::SandboxState::kReady);
  EXPECT_EQ(runtime_->GetContainer(runs).value().record.state, container::ContainerState::kRunning);
  EXPECT_EQ(WaitForExit(ends).exit_code, 6);
  EXPECT_TRUE(runtime_->StartContainer(created).ok());
  EXPECT_EQ(WaitForExit(created).exit_code, 0);
  EXPECT_EQ(
      runtime_->ExecSync(runs, {"sh", "-c", "exit 2"}, std::chrono::seconds(60)).value().exit_code,
      2);
}

TEST_F(RuntimeTest, ContainerStatus_AfterARebootIsAnEndAndNeverZero) {
  const std::string pod = Start("p");
  const std::string id = Run(pod, Script("c", "while true; do sleep 1; done"));
  runtime_.reset();
  // What a reboot does to the processes.
  ASSERT_TRUE(
      anchor_
          ->AdoptMonitor({.sandbox_id = pod, .run_dir = run_ + "/pods/" + pod.substr(0, 24)},
                         nullptr, nullptr)
          .value()
          ->Shutdown()
          .ok());
  boot_id_ = "second";
  Boot();
  const container::ContainerRecord record = runtime_->GetContainer(id).value().record;
  EXPECT_EQ(record.state, container::ContainerState::kExited);
  EXPECT_EQ(record.exit_code, 255);
  EXPECT_EQ(record.reason, "NodeReboot");
  EXPECT_EQ(record.message, "the machine was restarted");
  EXPECT_EQ(runtime_->GetSandbox(pod).value().record.state, container::SandboxState::kStopped);
}

TEST_F(RuntimeTest, BadRecordsArePutAsideAndTheRestGoesOn) {
  const std::string good = Start("good");
  const std::string bad = Start("bad");
  const std::string id = Run(good, Script("c", "while true; do sleep 1; done"));
  ASSERT_TRUE(runtime_->RemovePodSandbox(bad).ok());
  ASSERT_TRUE(os::MakeDirs(dir_.path() + "/pods/torn", 0700).ok());
  ASSERT_TRUE(os::WriteFileAtomic(dir_.path() + "/pods/torn/record", "half a rec", 0600).ok());
  ASSERT_TRUE(os::MakeDirs(dir_.path() + "/containers/empty", 0700).ok());
  Boot();
  EXPECT_EQ(runtime_->ListSandboxes().size(), 1u);
  EXPECT_EQ(runtime_->GetContainer(id).value().record.state, container::ContainerState::kRunning);
  EXPECT_TRUE(os::Exists(dir_.path() + "/quarantine/pods-torn/record"));
  EXPECT_TRUE(os::Exists(dir_.path() + "/quarantine/containers-empty"));
}

TEST_F(RuntimeTest, NoContainerLivesByARecordThatIsOlderThanThatOfItsPod) {
  const std::string stopped = Start("stopped");
  const std::string lost = Start("lost");
  const std::string first = Run(stopped, Script("c", "while true; do sleep 1; done"));
  const std::string second = Run(lost, Script("c", "while true; do sleep 1; done"));
  // What a power cut can leave: the newer record of a pod, or an unreadable one, and the older ones
  // of its containers.
  const auto record = [this](const std::string& id) {
    return dir_.path() + "/containers/" + id + "/record";
  };
  const std::string older = os::ReadFile(record(first)).value();
  ASSERT_TRUE(runtime_->StopPodSandbox(stopped).ok());
  runtime_.reset();
  ASSERT_TRUE(os::WriteFileAtomic(record(first), older, 0600).ok());
  ASSERT_TRUE(os::WriteFileAtomic(dir_.path() + "/pods/" + lost + "/record", "", 0600).ok());
  Boot();
  for (const std::string& id : {first, second}) {
    EXPECT_EQ(runtime_->GetContainer(id).value().record.state, container::ContainerState::kExited);
    EXPECT_EQ(runtime_->GetContainer(id).value().record.exit_code, 255);
  }
  EXPECT_EQ(runtime_->GetContainer(second).value().record.message, "the record of its pod is lost");
  EXPECT_TRUE(runtime_->RemoveContainer(second).ok());
}

TEST_F(RuntimeTest, WhatWasHalfMadeOrHalfDeletedGoesAtTheNextStart) {
  for (const char* folder : {"/trash/0123/diff/etc", "/containers/.new-4567/diff"}) {
    ASSERT_TRUE(os::MakeDirs(dir_.path() + folder, 0700).ok());
    ASSERT_TRUE(os::WriteFileAtomic(dir_.path() + folder + "/file", "x", 0600).ok());
  }
  Boot();
  EXPECT_TRUE(runtime_->ListContainers().empty());
  EXPECT_TRUE(os::ListDir(dir_.path() + "/containers").value().empty());
  EXPECT_FALSE(os::Exists(dir_.path() + "/quarantine"));
}

TEST_F(RuntimeTest, BadInputIsRefusedAndChangesNothing) {
  cri::PodSandboxConfig config = Pod("p");
  EXPECT_EQ(runtime_->RunPodSandbox(config, "gvisor").error().code(), base::Code::kInvalidArgument);
  (*config.mutable_linux()->mutable_sysctls())["kernel.core_pattern"] = "|/x";
  EXPECT_EQ(runtime_->RunPodSandbox(config, "").error().code(), base::Code::kInvalidArgument);
  EXPECT_TRUE(runtime_->ListSandboxes().empty());
  const std::string pod = Start("p");
  cri::ContainerConfig missing = Script("c", "");
  missing.mutable_image()->set_image("nowhere");
  EXPECT_EQ(runtime_->CreateContainer(pod, missing).error().code(), base::Code::kNotFound);
  cri::ContainerConfig volume = Script("v", "exit 0");
  volume.add_mounts()->set_container_path("/data");
  volume.mutable_mounts(0)->set_host_path("/no/such/path");
  const base::Status started =
      runtime_->StartContainer(runtime_->CreateContainer(pod, volume).value());
  EXPECT_NE(started.error().message().find("mounts[0]: host path '/no/such/path' does not exist"),
            std::string::npos)
      << started.error().message();
}

TEST_F(RuntimeTest, AStrangerGetsNothingOfTheSocketWhateverItsModeIs) {
  const std::string socket_path = run_ + "/cri.sock";
  const auto service = Service::Serve(*runtime_, *images_, clock_, socket_path);
  ASSERT_TRUE(service.ok()) << service.error().message();
  ASSERT_EQ(chmod(run_.c_str(), 0755), 0);
  ASSERT_EQ(chmod(socket_path.c_str(), 0666), 0);
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  ASSERT_LT(socket_path.size(), sizeof address.sun_path);
  strcpy(address.sun_path, socket_path.c_str());
  // The server's first bytes (its settings), or the end of the connection.
  const auto bytes_for = [&address](uid_t user) {
    const pid_t child = fork();
    if (child == 0) {
      char byte;
      const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
      if (setresuid(user, user, user) != 0 ||
          connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        _exit(9);
      const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0";
      (void)!send(fd, preface, sizeof preface, MSG_NOSIGNAL);
      _exit(read(fd, &byte, 1) > 0 ? 1 : 0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WEXITSTATUS(status);
  };
  EXPECT_EQ(bytes_for(0), 1);
  EXPECT_EQ(bytes_for(65534), 0);
}

TEST_F(RuntimeTest, TheWholePathAnswersOverTheSocket) {
  const std::string socket = run_ + "/cri.sock";
  const base::Result<std::unique_ptr<Service>> service =
      Service::Serve(*runtime_, *images_, clock_, socket);
  ASSERT_TRUE(service.ok()) << service.error().message();
  struct stat st{};
  ASSERT_EQ(stat(socket.c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 0777, 0600u);
  const auto channel = rpc::ConnectUnix("unix://" + socket);
  const auto stub = cri::RuntimeService::NewStub(channel);
  const auto call = [](auto method, auto& request, auto& response) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    return grpc::Status(method(&context, request, &response));
  };
#define CALL(Name, request, response)                                                        \
  call([&](auto* c, const auto& q, auto* a) -> grpc::Status { return stub->Name(c, q, a); }, \
       request, response)
  cri::VersionRequest version_request;
  cri::VersionResponse version;
  ASSERT_TRUE(CALL(Version, version_request, version).ok());
  EXPECT_EQ(version.runtime_api_version(), "v1");
  EXPECT_EQ(version.runtime_name(), "keelson");
  cri::StatusRequest status_request;
  cri::StatusResponse status;
  ASSERT_TRUE(CALL(Status, status_request, status).ok());
  ASSERT_EQ(status.status().conditions_size(), 2);
  for (const cri::RuntimeCondition& condition : status.status().conditions())
    EXPECT_TRUE(condition.status()) << condition.message();

  grpc::ClientContext events_context;
  const auto events = stub->GetContainerEvents(&events_context, cri::GetEventsRequest());
  events->WaitForInitialMetadata();

  cri::RunPodSandboxRequest run;
  *run.mutable_config() = Pod("web");
  cri::RunPodSandboxResponse pod;
  const grpc::Status ran = CALL(RunPodSandbox, run, pod);
  ASSERT_TRUE(ran.ok()) << ran.error_message();
  cri::CreateContainerRequest create;
  create.set_pod_sandbox_id(pod.pod_sandbox_id());
  *create.mutable_config() = Script("c", "echo hi; exit 0");
  cri::CreateContainerResponse created;
  ASSERT_TRUE(CALL(CreateContainer, create, created).ok());
  cri::StartContainerRequest start;
  start.set_container_id(created.container_id());
  cri::StartContainerResponse started;
  ASSERT_TRUE(CALL(StartContainer, start, started).ok());
  WaitForExit(created.container_id());
  cri::ContainerStatusRequest ask;
  ask.set_container_id(created.container_id());
  cri::ContainerStatusResponse answer;
  ASSERT_TRUE(CALL(ContainerStatus, ask, answer).ok());
  EXPECT_EQ(answer.status().state(), cri::CONTAINER_EXITED);
  EXPECT_EQ(answer.status().reason(), "Completed");
  EXPECT_EQ(answer.status().log_path(), dir_.path() + "/logs/web/c/0.log");
  EXPECT_EQ(answer.status().image_id(), answer.status().image_ref());
  ask.set_container_id("0000");
  EXPECT_EQ(CALL(ContainerStatus, ask, answer).error_code(), grpc::NOT_FOUND);
  cri::ListPodSandboxRequest list;
  cri::ListPodSandboxResponse pods;
  ASSERT_TRUE(CALL(ListPodSandbox, list, pods).ok());
  EXPECT_EQ(pods.items_size(), 1);
  (*list.mutable_filter()->mutable_label_selector())["no"] = "such";
  pods.Clear();
  ASSERT_TRUE(CALL(ListPodSandbox, list, pods).ok());
  EXPECT_EQ(pods.items_size(), 0);
  cri::AttachRequest attach;
  cri::AttachResponse attached;
  const grpc::Status refused = CALL(Attach, attach, attached);
  EXPECT_EQ(refused.error_code(), grpc::UNIMPLEMENTED);
  EXPECT_EQ(refused.error_message(), "Attach is not there yet");

  std::vector<cri::ContainerEventType> seen;
  cri::ContainerEventResponse event;
  while (seen.size() < 3 && events->Read(&event)) {
    if (event.container_id() == created.container_id())
      seen.push_back(event.container_event_type());
  }
  EXPECT_EQ(seen, (std::vector<cri::ContainerEventType>{cri::CONTAINER_CREATED_EVENT,
                                                        cri::CONTAINER_STARTED_EVENT,
                                                        cri::CONTAINER_STOPPED_EVENT}));
  events_context.TryCancel();
  (void)events->Finish();
}

TEST_F(RuntimeTest, AProfileOfTheNodeRulesTheContainerAndItsExecs) {
  ASSERT_TRUE(os::MakeDirs(profiles_root() + "/profiles", 0755).ok());
  const std::string file = profiles_root() + "/profiles/no-mkdir.json";
  ASSERT_TRUE(
      os::WriteFileAtomic(
          file,
          R"({"defaultAction":"SCMP_ACT_ALLOW","architectures":["SCMP_ARCH_X86_64","SCMP_ARCH_AARCH64"],
    "syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO"},{"names":["chmod","fchmodat"],"action":"SCMP_ACT_ERRNO","errnoRet":28}]})",
          0644)
          .ok());
  const std::string pod = Start("web");
  cri::ContainerConfig config =
      Script("c", "mkdir /new; chmod 700 /etc; touch /tmp-file && echo touched; exec sleep 1000");
  cri::SecurityProfile& seccomp =
      *config.mutable_linux()->mutable_security_context()->mutable_seccomp();
  seccomp.set_profile_type(cri::SecurityProfile::Localhost);
  seccomp.set_localhost_ref(file);
  const std::string id = Run(pod, config);
  for (const char* words :
       {"touched", "'/new': Operation not permitted", "/etc: No space left on device"})
    (void)LogWith("web", "c", words);
  // As it was when the container started, also for another life of the daemon.
  ASSERT_TRUE(os::RemoveFile(file).ok());
  Boot();
  const ExecOutput output =
      runtime_->ExecSync(id, {"mkdir", "/new"}, std::chrono::seconds(60)).value();
  EXPECT_NE(output.err.find("Operation not permitted"), std::string::npos) << output.err;

  const auto refusal = [&](const std::string& reference) {
    seccomp.set_localhost_ref(reference);
    config.mutable_metadata()->set_attempt(config.metadata().attempt() + 1);
    const base::Status started =
        runtime_->StartContainer(runtime_->CreateContainer(pod, config).value());
    return started.ok() ? "" : started.error().message();
  };
  EXPECT_NE(refusal(file).find("No such file"), std::string::npos);
  EXPECT_NE(refusal("/etc/passwd").find("is not below"), std::string::npos);
  ASSERT_TRUE(os::WriteFileAtomic(file, "{\n\"defaultAction\":\"SCMP_ACT_NONE\"}", 0644).ok());
  EXPECT_NE(refusal(file).find("line 2: defaultAction: unknown action"), std::string::npos)
      << refusal(file);
}

TEST_F(RuntimeTest, GetContainerEvents_AndPullImage_EndWithTheServer) {
  const std::string socket = run_ + "/cri.sock";
  base::Result<std::unique_ptr<Service>> service =
      Service::Serve(*runtime_, *images_, clock_, socket);
  ASSERT_TRUE(service.ok()) << service.error().message();
  const auto channel = rpc::ConnectUnix(socket);
  const auto runtime = cri::RuntimeService::NewStub(channel);
  const auto images = cri::ImageService::NewStub(channel);
  const auto pull = [&](grpc::ClientContext* context) {
    cri::PullImageRequest request;
    request.mutable_image()->set_image("endless");
    cri::PullImageResponse response;
    return images->PullImage(context, request, &response);
  };
  cri::PullImageRequest away;
  away.mutable_image()->set_image("away/app");
  cri::PullImageResponse nothing;
  grpc::ClientContext away_context;
  const grpc::Status unreachable = images->PullImage(&away_context, away, &nothing);
  EXPECT_EQ(unreachable.error_code(), grpc::UNKNOWN) << "else kubelets do not look for the word";
  EXPECT_EQ(unreachable.error_message(),
            "RegistryUnavailable: pull image 'away/app': connection refused");

  grpc::ClientContext given_up, lasting, events_context;
  std::future<grpc::Status> first = std::async(std::launch::async, pull, &given_up);
  images_->WaitForPulls(1);
  given_up.TryCancel();
  EXPECT_EQ(first.get().error_code(), grpc::CANCELLED);
  std::future<grpc::Status> second = std::async(std::launch::async, pull, &lasting);
  images_->WaitForPulls(2);
  const auto events = runtime->GetContainerEvents(&events_context, cri::GetEventsRequest());
  events->WaitForInitialMetadata();
  service->reset();
  EXPECT_EQ(second.get().error_message(), "nobody wants it any more");
  cri::ContainerEventResponse event;
  EXPECT_FALSE(events->Read(&event));
  const grpc::Status ended = events->Finish();
  EXPECT_EQ(ended.error_code(), grpc::UNAVAILABLE);
  EXPECT_EQ(ended.error_message(), "the runtime is stopping");
}

}  // namespace
}  // namespace keelson::cri_server
