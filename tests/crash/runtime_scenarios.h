// SPDX-License-Identifier: Apache-2.0
// What the CRI is asked for while keelson-runtime, a pod's keelson-monitor or its keelson-log may
// die: pods of six kinds from their beginning to their removal, step by step, and what must hold
// after each. For tests.
#pragma once

#include <fcntl.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <set>

#include "cri-api/service.grpc.pb.h"
#include "lib/base/strings.h"
#include "lib/os/files.h"
#include "lib/rpc/channel.h"
#include "lib/rpc/status.h"
#include "runtime/image/testing/fake_registry.h"
#include "runtime/image/testing/layout_maker.h"
#include "tests/crash/points_fixture.h"

namespace keelson::node_test {

using points::Aim;
using points::Place;
using std::chrono::seconds;

enum class Scenario { kPod, kSharedPids, kHostNetwork, kOwnUsers, kRecovery, kPull };
inline constexpr Scenario kAll[] = {Scenario::kPod,         Scenario::kSharedPids,
                                    Scenario::kHostNetwork, Scenario::kOwnUsers,
                                    Scenario::kRecovery,    Scenario::kPull};
inline constexpr const char* kNames[] = {"pod",       "shared PIDs", "host network",
                                         "own users", "recovery",    "pull"};

class RuntimeScenarios : public PointsTest {
 protected:
  void SetUp() override {
    PointsTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    const char* seed = std::getenv("KEELSON_TEST_SEED");
    seed_ = seed != nullptr ? std::strtoul(seed, nullptr, 10) : std::random_device()();
    const char* kills = std::getenv("KEELSON_POINTS_KILLS");
    wanted_ = kills != nullptr ? std::atoi(kills) : 460;
    random_.seed(static_cast<std::mt19937::result_type>(seed_));
    std::fprintf(stderr, "seed: KEELSON_TEST_SEED=%lu, %d kills\n", seed_, wanted_);
    LoadImage("busybox");
    StartRegistry();
    ASSERT_TRUE(os::MakeDirs(logs(), 0755).ok());
    ASSERT_TRUE(os::MakeDirs(Marks(), 0777).ok());
    ASSERT_EQ(chmod(Marks().c_str(), 0777), 0);  // also for users of a namespace of their own
    StartRuntime();
  }

  void StartRegistry() {
    ASSERT_TRUE(os::MakeDirs(dir_.path() + "/image", 0755).ok());
    maker_.Make({maker_.MakeLayer("mkdir a && seq 3000 >a/numbers && echo one >one"),
                 maker_.MakeLayer("mkdir a && echo two >a/two && ln -s one link")});
    registry_.emplace(dir_.path(), "\"layout\":\"" + maker_.Path() + "\"");
    const std::string dir = dir_.path() + "/config/registries/" + registry_->Address();
    ASSERT_TRUE(os::MakeDirs(dir, 0755).ok());
    ASSERT_TRUE(os::WriteFileAtomic(dir + "/hosts.toml",
                                    "server = \"http://" + registry_->Address() + "\"\n", 0644)
                    .ok());
  }
  std::string Marks() const { return dir_.path() + "/marks"; }
  int Random(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random_); }

  // --- one pod
  struct Pod {
    Scenario scenario;
    std::string name, id, main, idle, ends;
    cri::PodSandboxConfig config;
    bool lossy = false;  // its log process is the one that dies
  };

  Pod NewPod(Scenario scenario) {
    Pod pod{.scenario = scenario};
    pod.name = "p" + std::to_string(++made_);
    pod.config.mutable_metadata()->set_name(pod.name);
    pod.config.mutable_metadata()->set_uid("uid-" + pod.name);
    pod.config.mutable_metadata()->set_namespace_("default");
    pod.config.set_log_directory(logs() + "/" + pod.name);
    pod.config.mutable_linux()->set_cgroup_parent(cgroup_root_);
    auto& spaces =
        *pod.config.mutable_linux()->mutable_security_context()->mutable_namespace_options();
    spaces.set_pid(scenario == Scenario::kSharedPids ? cri::POD : cri::CONTAINER);
    if (scenario == Scenario::kHostNetwork) {
      spaces.set_network(cri::NODE);
    } else {
      pod.config.set_hostname(pod.name);
    }
    if (scenario == Scenario::kOwnUsers) {
      auto& users = *spaces.mutable_userns_options();
      users.set_mode(cri::POD);
      for (cri::IDMapping* ids : {users.add_uids(), users.add_gids()}) {
        ids->set_container_id(0);
        ids->set_host_id(200000);
        ids->set_length(65536);
      }
    }
    if (scenario == Scenario::kPod) {
      (*pod.config.mutable_annotations())["kubernetes.io/ingress-bandwidth"] = "100M";
      (*pod.config.mutable_annotations())["kubernetes.io/egress-bandwidth"] = "100M";
      cri::PortMapping& port = *pod.config.add_port_mappings();
      port.set_protocol(cri::UDP);
      port.set_container_port(53);
      port.set_host_port(30053);
    }
    return pod;
  }

  cri::ContainerConfig ConfigOf(const Pod& pod, const std::string& name,
                                const std::string& script) {
    cri::ContainerConfig config;
    config.mutable_metadata()->set_name(name);
    config.mutable_image()->set_image("docker.io/library/busybox:demo");
    for (const std::string& word : {std::string("/bin/sh"), std::string("-c"), script})
      config.add_command(word);
    config.set_log_path(name + ".log");
    auto& security = *config.mutable_linux()->mutable_security_context();
    *security.mutable_namespace_options() =
        pod.config.linux().security_context().namespace_options();
    security.mutable_seccomp()->set_profile_type(cri::SecurityProfile::RuntimeDefault);
    cri::Mount& marks = *config.add_mounts();
    marks.set_host_path(Marks());
    marks.set_container_path("/m");
    return config;
  }
  std::string MarkOf(const Pod& pod, const std::string& container) const {
    return Marks() + "/" + pod.name + "-" + container;
  }
  std::string Script(const Pod& pod, const std::string& container) const {
    // Its first word is a line on the host: a program that ran twice is seen.
    const std::string begin = "echo start >>/m/" + pod.name + "-" + container + "; ";
    if (container == "ends")
      return begin + "echo one; while [ ! -e /m/" + pod.name + "-go ]; do sleep 0.01; done; exit 3";
    return begin +
           "trap \"exit 7\" TERM; n=0; while true; do n=$((n+1)); echo line $n; sleep 0.01; done";
  }

  base::Status Create(Pod& pod, const std::string& container, std::string& id) {
    ASSIGN_OR_RETURN(id, Runtime().CreateContainer(
                             pod.id, ConfigOf(pod, container, Script(pod, container)), pod.config));
    return {};
  }
  // As a kubelet does that lists after an answer was lost: only what is as it was made is started.
  base::Status Start(const std::string& id, bool& asked) {
    if (std::exchange(asked, true)) {
      ASSIGN_OR_RETURN(const cri::ContainerStatus status, Runtime().ContainerStatus(id));
      if (status.state() == cri::CONTAINER_RUNNING || status.exit_code() == 3) return {};
      if (status.state() == cri::CONTAINER_EXITED)
        return base::Aborted("ended with {} {} {}", status.exit_code(), status.reason(),
                             status.message());
    }
    return Runtime().StartContainer(id);
  }
  std::string StateWrong(const std::string& id, cri::ContainerState wanted, int code = 0,
                         const std::string& reason = "") {
    const auto status = Runtime().ContainerStatus(id);
    if (!status.ok()) return "ContainerStatus: " + status.error().message();
    if (status->state() != wanted || status->exit_code() != code ||
        (!reason.empty() && status->reason() != reason)) {
      return "should be " + cri::ContainerState_Name(wanted) + " " + std::to_string(code) + " " +
             reason + ", is " + cri::ContainerState_Name(status->state()) + " " +
             std::to_string(status->exit_code()) + " " + status->reason() + " " + status->message();
    }
    return "";
  }
  std::string RunsWrong(const Pod& pod, const std::string& container) {
    const std::string marks = os::ReadFile(MarkOf(pod, container)).ValueOr("");
    return marks == "start\n" ? "" : container + " ran not once: '" + marks + "'";
  }
  base::Status AwaitEnd(const std::string& id) {
    base::Result<cri::ContainerStatus> status = base::Unavailable("not asked yet");
    (void)Eventually(
        [&] {
          if (DaemonDied(0)) return true;
          status = Runtime().ContainerStatus(id);
          return !status.ok() || status->state() == cri::CONTAINER_EXITED;
        },
        60);
    if (!status.ok()) return status.error();
    if (status->state() != cri::CONTAINER_EXITED) return base::Aborted("it does not end");
    return {};
  }
  // Every line once and in order, over both files.
  std::string LogWrong(const Pod& pod) {
    const std::string path = logs() + "/" + pod.name + "/main.log";
    const std::string text = os::ReadFile(path + ".1").ValueOr("") + os::ReadFile(path).ValueOr("");
    int number = 0;
    for (const std::string_view line : base::Split(text, '\n')) {
      if (line.empty()) continue;
      if (!line.ends_with(" stdout F line " + std::to_string(++number)) && !pod.lossy)
        return "line " + std::to_string(number) + " of the log is '" + std::string(line) + "'";
    }
    return number > 0 ? "" : "the log is empty";
  }

  // --- scenarios
  std::vector<Step> Begin(Pod& pod) {
    std::vector<Step> steps;
    steps.push_back({"RunPodSandbox", [this, &pod]() -> base::Status {
                       ASSIGN_OR_RETURN(pod.id, Runtime().RunPodSandbox(pod.config, ""));
                       return {};
                     }});
    steps.push_back({"CreateContainer main", [this, &pod] { return Create(pod, "main", pod.main); },
                     [this, &pod] { return StateWrong(pod.main, cri::CONTAINER_CREATED); }});
    steps.push_back({"StartContainer main",
                     [this, &pod, asked = false]() mutable { return Start(pod.main, asked); },
                     [this, &pod] { return StateWrong(pod.main, cri::CONTAINER_RUNNING); }});
    steps.push_back({"CreateContainer ends", [this, &pod] { return Create(pod, "ends", pod.ends); },
                     [this, &pod] { return StateWrong(pod.ends, cri::CONTAINER_CREATED); }});
    steps.push_back({"StartContainer ends",
                     [this, &pod, asked = false]() mutable { return Start(pod.ends, asked); },
                     [this, &pod] { return StateWrong(pod.ends, cri::CONTAINER_RUNNING); }});
    return steps;
  }
  void Work(Pod& pod, std::vector<Step>& steps) {
    steps.push_back(
        {"ExecSync", [this, &pod]() -> base::Status {
           ASSIGN_OR_RETURN(
               const cri::ExecSyncResponse done,
               Runtime().ExecSync(pod.main, {"sh", "-c", "echo here; exit 4"}, seconds(30)));
           if (done.stdout() == "here\n" && done.exit_code() == 4) return {};
           return base::Aborted("ExecSync answers '{}' {}", done.stdout(), done.exit_code());
         }});
    steps.push_back(
        {"ReopenContainerLog",
         [this, &pod]() -> base::Status {
           const std::string path = logs() + "/" + pod.name + "/main.log";
           if (!os::Exists(path + ".1") && rename(path.c_str(), (path + ".1").c_str()) != 0)
             return base::Error::FromErrno(errno, "rename '{}'", path);
           return Runtime().ReopenContainerLog(pod.main);
         },
         [this, &pod]() -> std::string {
           return os::Exists(logs() + "/" + pod.name + "/main.log") ? ""
                                                                    : "there is no new log file";
         }});
  }
  void End(Pod& pod, std::vector<Step>& steps) {
    steps.push_back(
        {"the container ends",
         [this, &pod]() -> base::Status {
           RETURN_IF_ERROR(os::WriteFileAtomic(Marks() + "/" + pod.name + "-go", "", 0644));
           return AwaitEnd(pod.ends);
         },
         [this, &pod]() -> std::string {
           if (std::string wrong = StateWrong(pod.ends, cri::CONTAINER_EXITED, 3, "Error");
               !wrong.empty())
             return wrong;
           const std::string log = os::ReadFile(logs() + "/" + pod.name + "/ends.log").ValueOr("");
           if (!log.ends_with(" stdout F one\n") && !pod.lossy) return "its log is '" + log + "'";
           return RunsWrong(pod, "ends");
         }});
    steps.push_back(
        {"RemoveContainer ends", [this, &pod] { return Runtime().RemoveContainer(pod.ends); }});
    steps.push_back({"StopContainer main",
                     [this, &pod] {
                       const bool at_once = pod.scenario == Scenario::kRecovery;
                       return Runtime().StopContainer(pod.main, seconds(at_once ? 0 : 60));
                     },
                     [this, &pod]() -> std::string {
                       const int code = pod.scenario == Scenario::kRecovery ? 137 : 7;
                       if (std::string wrong =
                               StateWrong(pod.main, cri::CONTAINER_EXITED, code, "Error");
                           !wrong.empty())
                         return wrong;
                       if (std::string wrong = LogWrong(pod); !wrong.empty()) return wrong;
                       return RunsWrong(pod, "main");
                     }});
  }
  void Remove(Pod& pod, std::vector<Step>& steps) {
    steps.push_back({"StopPodSandbox", [this, &pod] { return Runtime().StopPodSandbox(pod.id); }});
    steps.push_back(
        {"RemovePodSandbox", [this, &pod] { return Runtime().RemovePodSandbox(pod.id); }});
  }

  std::vector<Step> StepsOf(Scenario scenario, Pod& pod, const Aim* aim) {
    std::vector<Step> steps;
    if (scenario == Scenario::kPull) {
      const std::string name = registry_->Address() + "/team/made:v1";
      cri::ImageSpec image;
      image.set_image(name);
      steps.push_back({"PullImage",
                       [this, image]() -> base::Status {
                         ASSIGN_OR_RETURN(const std::string id,
                                          Runtime().PullImage(image, nullptr, {}, {}));
                         if (id != maker_.config_digest())
                           return base::Aborted("the image is {}", id);
                         return {};
                       },
                       [this, name]() -> std::string {
                         const auto found = Runtime().ImageStatus(name);
                         return found.ok() && found->has_image() ? "" : "it is not there";
                       }});
      steps.push_back({"RemoveImage", [this, name] { return Runtime().RemoveImage(name); },
                       [this, name]() -> std::string {
                         const auto found = Runtime().ImageStatus(name);
                         return found.ok() && !found->has_image() ? "" : "it is still there";
                       }});
      return steps;
    }
    pod = NewPod(scenario);
    pod.lossy = aim != nullptr && aim->place.program == "keelson-log";
    if (scenario != Scenario::kRecovery) {
      steps = Begin(pod);
      Work(pod, steps);
      if (scenario == Scenario::kPod) Limits(pod, steps);
      End(pod, steps);
      steps.push_back(
          {"RemoveContainer main", [this, &pod] { return Runtime().RemoveContainer(pod.main); }});
      if (scenario == Scenario::kPod) Fails(pod, steps);
      Remove(pod, steps);
      return steps;
    }
    // The daemon is away while a container ends, and comes back.
    steps = Begin(pod);
    steps.push_back(
        {"CreateContainer idle", [this, &pod] { return Create(pod, "idle", pod.idle); }});
    steps.push_back(
        {"the daemon is away",
         [this, &pod, away = false]() mutable -> base::Status {
           if (std::exchange(away, true)) return {};
           StopRuntime(SIGKILL);
           RETURN_IF_ERROR(os::WriteFileAtomic(Marks() + "/" + pod.name + "-go", "", 0644));
           if (std::string down = Revive(); !down.empty()) return base::Aborted("{}", down);
           return {};
         },
         [this, &pod]() -> std::string {
           if (std::string lists = ListsWrong(Runtime()); !lists.empty()) return lists;
           if (std::string wrong = StateWrong(pod.idle, cri::CONTAINER_CREATED); !wrong.empty())
             return "idle " + wrong;
           return StateWrong(pod.main, cri::CONTAINER_RUNNING);
         }});
    End(pod, steps);
    Remove(pod, steps);
    return steps;
  }
  void Limits(Pod& pod, std::vector<Step>& steps) {
    steps.push_back({"UpdateContainerResources",
                     [this, &pod]() -> base::Status {
                       cri::UpdateContainerResourcesRequest request;
                       request.set_container_id(pod.main);
                       request.mutable_linux()->set_cpu_shares(777);
                       const auto stub =
                           cri::RuntimeService::NewStub(rpc::ConnectUnix(run_ + "/cri.sock"));
                       grpc::ClientContext context;
                       cri::UpdateContainerResourcesResponse response;
                       const grpc::Status done =
                           stub->UpdateContainerResources(&context, request, &response);
                       return done.ok() ? base::Status() : base::Status(rpc::FromGrpc(done));
                     },
                     [this, &pod]() -> std::string {
                       const auto status = Runtime().ContainerStatus(pod.main);
                       return status.ok() && status->resources().linux().cpu_shares() != 777
                                  ? "the limits are not what was asked for"
                                  : "";
                     }});
  }
  // A start that cannot succeed.
  void Fails(Pod& pod, std::vector<Step>& steps) {
    const auto id = std::make_shared<std::string>();
    steps.push_back({"CreateContainer fails", [this, &pod, id]() -> base::Status {
                       cri::ContainerConfig config = ConfigOf(pod, "fails", "");
                       config.clear_command();
                       config.add_command("/bin/none");
                       ASSIGN_OR_RETURN(*id, Runtime().CreateContainer(pod.id, config, pod.config));
                       return {};
                     }});
    steps.push_back(
        {"StartContainer fails",
         [this, id]() -> base::Status {
           const base::Status started = Runtime().StartContainer(*id);
           if (started.ok()) return base::Aborted("it started");
           if (DaemonDied(50) || started.error().code() == base::Code::kUnavailable) return started;
           return {};
         },
         [this, id] { return StateWrong(*id, cri::CONTAINER_EXITED, 128, "StartError"); }});
  }

  unsigned long seed_ = 0;
  int wanted_ = 0, made_ = 0;
  std::mt19937 random_;
  image::testing::LayoutMaker maker_{dir_.path() + "/image"};
  std::optional<image::testing::FakeRegistry> registry_;
};

}  // namespace keelson::node_test
