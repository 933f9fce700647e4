// SPDX-License-Identifier: Apache-2.0
// Steps that hang: reads go on, other pods go on, and the step is named with its age.
#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>

#include <future>

#include "lib/json/value.h"
#include "runtime/cri/testing/served_fixture.h"

namespace keelson::cri_server {
namespace {

class HangTest : public ServedTest {
 protected:
  grpc::Status StartOverTheSocket(const std::string& id) {
    grpc::ClientContext context;
    cri::StartContainerRequest request;
    request.set_container_id(id);
    cri::StartContainerResponse response;
    return pods_->StartContainer(&context, request, &response);
  }
  // Calls that may not wait for what hangs: that goes on until the test ends it.
  template <typename Response, typename Request, typename Method>
  Response Read(Method method, const Request& request) {
    Response response;
    const grpc::Status status = Ask(method, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  // The stage in which StartContainer of `id` is, from the verbose status; empty: none.
  std::string StageOf(const std::string& id) {
    cri::StatusRequest verbose;
    verbose.set_verbose(true);
    const auto status = Read<cri::StatusResponse>(&Pods::Status, verbose);
    const base::Result<json::Value> info = json::ParseJson(status.info().at("info"));
    if (!info.ok()) return "";
    for (const json::Value& operation : info->At({"underWay"}).items()) {
      if (operation.At({"call"}).AsString() != "StartContainer") continue;
      EXPECT_EQ(operation.At({"object"}).AsString(), id);
      EXPECT_TRUE(operation.At({"stageMilliseconds"}).IsInt());
      return operation.At({"stage"}).AsString();
    }
    return "";
  }
  void ReadsAndOtherPodsGoOn(const std::string& pod, const std::string& container) {
    EXPECT_GE(Read<cri::ListContainersResponse>(&Pods::ListContainers, cri::ListContainersRequest())
                  .containers_size(),
              1);
    EXPECT_GE(Read<cri::ListPodSandboxResponse>(&Pods::ListPodSandbox, cri::ListPodSandboxRequest())
                  .items_size(),
              1);
    cri::ContainerStatusRequest of_container;
    of_container.set_container_id(container);
    EXPECT_EQ(
        Read<cri::ContainerStatusResponse>(&Pods::ContainerStatus, of_container).status().state(),
        cri::CONTAINER_CREATED);
    cri::PodSandboxStatusRequest of_pod;
    of_pod.set_pod_sandbox_id(pod);
    EXPECT_EQ(Read<cri::PodSandboxStatusResponse>(&Pods::PodSandboxStatus, of_pod).status().state(),
              cri::SANDBOX_READY);
    const std::string other = Start("other");
    EXPECT_EQ(WaitForExit(Run(other, Script("c", "exit 4"))).exit_code, 4);
    EXPECT_TRUE(runtime_->RemovePodSandbox(other).ok());
  }
};

TEST_F(HangTest, OfAMonitorHoldsUpItsOwnPodAlone) {
  const std::string pod = Start("p");
  const std::string id = runtime_->CreateContainer(pod, Script("c", "exit 3")).value();
  const std::vector<pid_t> monitors = ProcessesOf("keelson-monitor", pod);
  ASSERT_EQ(monitors.size(), 1u);
  ASSERT_EQ(kill(monitors.front(), SIGSTOP), 0);
  auto start = std::async(std::launch::async, [&] { return StartOverTheSocket(id); });
  EXPECT_TRUE(Eventually([&] { return StageOf(id) == "monitor"; }));
  ReadsAndOtherPodsGoOn(pod, id);
  ASSERT_EQ(kill(monitors.front(), SIGCONT), 0);
  const grpc::Status started = start.get();
  EXPECT_TRUE(started.ok()) << started.error_message();
  EXPECT_EQ(WaitForExit(id).exit_code, 3);
}

TEST_F(HangTest, OfAVolumeHoldsUpItsOwnPodAlone) {
  const std::string place = dir_.path() + "/dead";
  ASSERT_TRUE(os::MakeDirs(place, 0755).ok());
  os::UniqueFd device(open("/dev/fuse", O_RDWR | O_CLOEXEC));
  const std::string options =
      "fd=" + std::to_string(device.get()) + ",rootmode=40000,user_id=0,group_id=0";
  if (!device || mount("dead", place.c_str(), "fuse", 0, options.c_str()) != 0)
    GTEST_SKIP() << "this kernel has no FUSE";
  const std::string pod = Start("p");
  cri::ContainerConfig config = Script("c", "exit 3");
  cri::Mount& volume = *config.add_mounts();
  volume.set_host_path(place + "/below");
  volume.set_container_path("/volume");
  const std::string id = runtime_->CreateContainer(pod, config).value();
  auto start = std::async(std::launch::async, [&] { return StartOverTheSocket(id); });
  EXPECT_TRUE(Eventually([&] { return StageOf(id) == "volumes"; }));
  ReadsAndOtherPodsGoOn(pod, id);
  // Whoever stops the pod does not wait for the filesystem.
  const base::Status removed = runtime_->RemovePodSandbox(pod);
  EXPECT_TRUE(removed.ok()) << removed.error().message();
  EXPECT_FALSE(start.get().ok());
  (void)umount2(place.c_str(), MNT_DETACH);
}

TEST_F(HangTest, StartContainer_ThatWasGivenUpNeverRuns) {
  patience_with_stuck_ = std::chrono::milliseconds(200);
  const std::string pod = Start("p"), place = dir_.path() + "/place";
  ASSERT_TRUE(os::MakeDirs(place, 0777).ok());
  cri::ContainerConfig config = Script("c", "touch /place/ran; while true; do sleep 1000; done");
  cri::Mount& volume = *config.add_mounts();
  volume.set_host_path(place);
  volume.set_container_path("/place");
  const std::string id = runtime_->CreateContainer(pod, config).value();
  // Neither the monitor answers nor the anchor that would give it a successor.
  const pid_t monitor = Stuck(pod);
  ASSERT_EQ(kill(ProcessesOf("keelson-anchor", run_).at(0), SIGKILL), 0);
  const base::Status started = runtime_->StartContainer(id);
  ASSERT_FALSE(started.ok());
  const container::ContainerRecord record = runtime_->GetContainer(id).value().record;
  EXPECT_EQ(record.state, container::ContainerState::kExited);
  EXPECT_EQ(record.exit_code, 128);
  EXPECT_EQ(record.reason, "StartError");
  ASSERT_EQ(kill(monitor, SIGCONT), 0);
  // What was asked before is done before what is asked now.
  const std::string next = Run(pod, Script("next", "[ ! -e /place/ran ]"));
  EXPECT_EQ(WaitForExit(next).exit_code, 0);
  EXPECT_FALSE(os::Exists(place + "/ran"));
  EXPECT_EQ(runtime_->GetContainer(id).value().record.exit_code, 128);
}

class StuckMonitorTest : public RuntimeTest {
 protected:
  static bool IsZombie(int32_t pid) {
    return os::ReadFile("/proc/" + std::to_string(pid) + "/stat").ValueOr("").find(") Z ") !=
           std::string::npos;
  }
  int32_t CodeOf(const std::string& id) {
    const container::ContainerRecord record = runtime_->GetContainer(id).value().record;
    EXPECT_EQ(record.state, container::ContainerState::kExited) << id;
    return record.exit_code;
  }
};

TEST_F(StuckMonitorTest, IsReplacedWhenItsPodIsStopped) {
  const std::string pod = Start("p"), go = dir_.path() + "/go";
  ASSERT_TRUE(os::MakeDirs(go, 0755).ok());
  const std::string runs = Run(pod, Script("runs", "while true; do sleep 1000; done"));
  cri::ContainerConfig config = Script("ends", "until [ -e /go/now ]; do sleep 0.05; done; exit 5");
  cri::Mount& volume = *config.add_mounts();
  volume.set_host_path(go);
  volume.set_container_path("/go");
  const std::string ends = Run(pod, config);
  const int32_t ending = runtime_->GetContainer(ends).value().record.pid;
  const pid_t monitor = Stuck(pod);
  // Nobody reaps it: its end is known to the kernel alone.
  ASSERT_TRUE(os::WriteFileAtomic(go + "/now", "", 0644).ok());
  ASSERT_TRUE(Eventually([&] { return IsZombie(ending); }));
  const base::Status stopped = runtime_->StopPodSandbox(pod);
  EXPECT_TRUE(stopped.ok()) << stopped.error().message();
  EXPECT_EQ(CodeOf(runs), 128 + SIGKILL);
  EXPECT_EQ(CodeOf(ends), 5);
  EXPECT_TRUE(Eventually([&] { return ProcessesOf("keelson-monitor", pod).empty(); }))
      << "stuck was " << monitor;
}

TEST_F(StuckMonitorTest, OfAPodWithoutContainersGoesWithIt) {
  const std::string pod = Start("p");
  Stuck(pod);
  const base::Status removed = runtime_->RemovePodSandbox(pod);
  EXPECT_TRUE(removed.ok()) << removed.error().message();
  EXPECT_TRUE(Eventually([&] { return ProcessesOf("keelson-monitor", pod).empty(); }));
}

TEST_F(StuckMonitorTest, IsReplacedWhenAContainerIsToBeStoppedOrStarted) {
  const std::string pod = Start("p");
  const std::string id =
      Run(pod, Script("c", "trap 'exit 6' TERM; while true; do sleep 0.05; done"));
  Stuck(pod);
  // Its own time, and its own end.
  const base::Status stopped = runtime_->StopContainer(id, std::chrono::seconds(60));
  EXPECT_TRUE(stopped.ok()) << stopped.error().message();
  EXPECT_EQ(CodeOf(id), 6);
  Stuck(pod);
  const std::string next = Run(pod, Script("next", "exit 7"));
  EXPECT_EQ(WaitForExit(next).exit_code, 7);
}

}  // namespace
}  // namespace keelson::cri_server
