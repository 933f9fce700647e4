// SPDX-License-Identifier: Apache-2.0
// What kubelets rely on of each call, asked over the socket; every test is named after its call.
// docs/conformance-calls.md lists them.
#include <sys/mount.h>

#include "cri-api/stats.pb.h"
#include "lib/json/value.h"
#include "runtime/cri/testing/served_fixture.h"

namespace keelson::cri_server {
namespace {

constexpr char kNobody[] = "0123456789ab";
constexpr char kRuns[] = "while true; do sleep 1; done";

class CallsTest : public ServedTest {
 protected:
  cri::RunPodSandboxRequest PodRequest(const std::string& name) {
    cri::RunPodSandboxRequest request;
    *request.mutable_config() = Pod(name);
    return request;
  }
  cri::PodSandboxStatusResponse StatusOfPod(const std::string& id) {
    cri::PodSandboxStatusRequest request;
    request.set_pod_sandbox_id(id);
    request.set_verbose(true);
    cri::PodSandboxStatusResponse response;
    const grpc::Status status = Ask(&Pods::PodSandboxStatus, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  grpc::Status StatusOf(const std::string& id, cri::ContainerStatusResponse* response) {
    cri::ContainerStatusRequest request;
    request.set_container_id(id);
    request.set_verbose(true);
    return Ask(&Pods::ContainerStatus, request, response);
  }
  grpc::Status StopPod(const std::string& id) {
    cri::StopPodSandboxRequest request;
    request.set_pod_sandbox_id(id);
    cri::StopPodSandboxResponse response;
    return Ask(&Pods::StopPodSandbox, request, &response);
  }
  grpc::Status RemovePod(const std::string& id) {
    cri::RemovePodSandboxRequest request;
    request.set_pod_sandbox_id(id);
    cri::RemovePodSandboxResponse response;
    return Ask(&Pods::RemovePodSandbox, request, &response);
  }
  grpc::Status Create(const std::string& pod, const cri::ContainerConfig& config, std::string* id) {
    cri::CreateContainerRequest request;
    request.set_pod_sandbox_id(pod);
    *request.mutable_config() = config;
    cri::CreateContainerResponse response;
    const grpc::Status status = Ask(&Pods::CreateContainer, request, &response);
    *id = response.container_id();
    return status;
  }
  grpc::Status StartIt(const std::string& id) {
    cri::StartContainerRequest request;
    request.set_container_id(id);
    cri::StartContainerResponse response;
    return Ask(&Pods::StartContainer, request, &response);
  }
  grpc::Status Stop(const std::string& id, int64_t seconds) {
    cri::StopContainerRequest request;
    request.set_container_id(id);
    request.set_timeout(seconds);
    cri::StopContainerResponse response;
    return Ask(&Pods::StopContainer, request, &response);
  }
  grpc::Status Remove(const std::string& id) {
    cri::RemoveContainerRequest request;
    request.set_container_id(id);
    cri::RemoveContainerResponse response;
    return Ask(&Pods::RemoveContainer, request, &response);
  }
  grpc::Status Reopen(const std::string& id) {
    cri::ReopenContainerLogRequest request;
    request.set_container_id(id);
    cri::ReopenContainerLogResponse response;
    return Ask(&Pods::ReopenContainerLog, request, &response);
  }
  grpc::Status Exec(const std::string& id, const std::vector<std::string>& words, int64_t timeout,
                    cri::ExecSyncResponse* response) {
    cri::ExecSyncRequest request;
    request.set_container_id(id);
    for (const std::string& word : words) request.add_cmd(word);
    request.set_timeout(timeout);
    return Ask(&Pods::ExecSync, request, response);
  }
};

TEST_F(CallsTest, Version_HasAllFourFields) {
  cri::VersionResponse version;
  ASSERT_TRUE(Ask(&Pods::Version, cri::VersionRequest(), &version).ok());
  for (const std::string& field :
       {version.version(), version.runtime_name(), version.runtime_version()})
    EXPECT_NE(field, "");
  EXPECT_EQ(version.runtime_api_version(), "v1");
}

TEST_F(CallsTest, RunPodSandbox_IsReadyWithAnAddressAtTheNextStatus) {
  cri::RunPodSandboxResponse made;
  ASSERT_TRUE(Ask(&Pods::RunPodSandbox, PodRequest("web"), &made).ok());
  const cri::PodSandboxStatusResponse status = StatusOfPod(made.pod_sandbox_id());
  EXPECT_EQ(status.status().state(), cri::SANDBOX_READY);
  EXPECT_EQ(status.status().network().ip(), "10.201.7.2");
}

TEST_F(CallsTest, RunPodSandbox_OfAnUnknownHandlerIsAnErrorAndLeavesNothing) {
  cri::RunPodSandboxRequest request = PodRequest("web");
  request.set_runtime_handler("nobody");
  cri::RunPodSandboxResponse made;
  const grpc::Status status = Ask(&Pods::RunPodSandbox, request, &made);
  EXPECT_EQ(status.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_NE(status.error_message().find("nobody"), std::string::npos) << status.error_message();
  EXPECT_TRUE(runtime_->ListSandboxes().empty());
  EXPECT_TRUE(os::ListDir(run_ + "/netns").value().empty());
}

TEST_F(CallsTest, StopPodSandbox_OfNobodyAndAgainIsFineAndKillsContainersAtOnce) {
  EXPECT_TRUE(StopPod(kNobody).ok());
  const std::string pod = Start("web");
  const std::string id = Run(pod, Script("deaf", "trap '' TERM; while true; do sleep 1; done"));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(StopPod(pod).ok());
  EXPECT_EQ(runtime_->GetContainer(id).value().record.exit_code, 137);
  EXPECT_EQ(StatusOfPod(pod).status().state(), cri::SANDBOX_NOTREADY);
  // Its address is free again.
  const std::string next = Start("next");
  EXPECT_FALSE(StatusOfPod(next).status().network().ip().empty());
}

TEST_F(CallsTest, StopPodSandbox_WhenTheNetworkNamespaceIsGone) {
  const std::string pod = Start("web");
  const std::vector<os::DirEntry> pins = os::ListDir(run_ + "/netns").value();
  ASSERT_EQ(pins.size(), 1u);
  const std::string pin = run_ + "/netns/" + pins[0].name;
  ASSERT_EQ(umount2(pin.c_str(), MNT_DETACH), 0);
  ASSERT_EQ(unlink(pin.c_str()), 0);
  const grpc::Status stopped = StopPod(pod);
  EXPECT_TRUE(stopped.ok()) << stopped.error_message();
  EXPECT_TRUE(RemovePod(pod).ok());
}

TEST_F(CallsTest, RemovePodSandbox_OfNobodyAndOfOneThatRunsTakesItsContainersToo) {
  EXPECT_TRUE(RemovePod(kNobody).ok());
  const std::string pod = Start("web");
  const std::string id = Run(pod, Script("c", kRuns));
  EXPECT_TRUE(RemovePod(pod).ok());
  EXPECT_TRUE(RemovePod(pod).ok());
  EXPECT_TRUE(runtime_->ListSandboxes().empty());
  cri::ContainerStatusResponse status;
  EXPECT_EQ(StatusOf(id, &status).error_code(), grpc::NOT_FOUND);
}

TEST_F(CallsTest, PodSandboxStatus_OfNobodyIsNotFound) {
  cri::PodSandboxStatusRequest request;
  request.set_pod_sandbox_id(kNobody);
  cri::PodSandboxStatusResponse response;
  EXPECT_EQ(Ask(&Pods::PodSandboxStatus, request, &response).error_code(), grpc::NOT_FOUND);
}

TEST_F(CallsTest, PodSandboxStatus_HasItsContainersATimeAndWhatClientsInsistOn) {
  const std::string pod = Start("web");
  std::string id;
  ASSERT_TRUE(Create(pod, Script("c", kRuns), &id).ok());
  const cri::PodSandboxStatusResponse status = StatusOfPod(pod);
  EXPECT_EQ(status.status().id(), pod);
  EXPECT_EQ(status.status().metadata().name(), "web");
  EXPECT_EQ(status.status().metadata().uid(), "uid-web");
  EXPECT_EQ(status.status().metadata().namespace_(), "default");
  EXPECT_GT(status.status().created_at(), 0);
  EXPECT_GT(status.timestamp(), 0);
  ASSERT_EQ(status.containers_statuses_size(), 1);
  EXPECT_EQ(status.containers_statuses(0).id(), id);
  EXPECT_EQ(status.containers_statuses(0).state(), cri::CONTAINER_CREATED);
  EXPECT_EQ(json::ParseJson(status.info().at("info")).value().At({"state"}).AsString(), "ready");
}

TEST_F(CallsTest, ListPodSandbox_ByPartOfTheIdStateAndAllLabels) {
  cri::PodSandboxConfig config = Pod("web");
  (*config.mutable_labels())["app"] = "web";
  (*config.mutable_labels())["tier"] = "front";
  const std::string pod = runtime_->RunPodSandbox(config, "").value();
  const std::string other = Start("other");
  ASSERT_TRUE(StopPod(other).ok());
  const auto listed = [&](const cri::PodSandboxFilter& filter) {
    cri::ListPodSandboxRequest request;
    *request.mutable_filter() = filter;
    cri::ListPodSandboxResponse response;
    EXPECT_TRUE(Ask(&Pods::ListPodSandbox, request, &response).ok());
    std::vector<std::string> ids;
    for (const cri::PodSandbox& item : response.items()) ids.push_back(item.id());
    return ids;
  };
  cri::PodSandboxFilter filter;
  EXPECT_THAT(listed(filter), testing::UnorderedElementsAre(pod, other));
  filter.mutable_state()->set_state(cri::SANDBOX_NOTREADY);
  EXPECT_THAT(listed(filter), testing::ElementsAre(other));
  filter.Clear();
  filter.set_id(pod.substr(0, 12));
  EXPECT_THAT(listed(filter), testing::ElementsAre(pod));
  (*filter.mutable_label_selector())["app"] = "web";
  EXPECT_THAT(listed(filter), testing::ElementsAre(pod));
  (*filter.mutable_label_selector())["tier"] = "back";
  EXPECT_THAT(listed(filter), testing::IsEmpty());
}

TEST_F(CallsTest, CreateContainer_RunsNothingAndTakesAnImageByIdToo) {
  const std::string pod = Start("web");
  cri::ContainerConfig config = Script("c", kRuns);
  config.mutable_image()->set_image(images_->List()[0].id);
  std::string id;
  ASSERT_TRUE(Create(pod, config, &id).ok());
  cri::ContainerStatusResponse status;
  ASSERT_TRUE(StatusOf(id, &status).ok());
  EXPECT_EQ(status.status().state(), cri::CONTAINER_CREATED);
  EXPECT_GT(status.status().created_at(), 0);
  EXPECT_EQ(status.status().started_at(), 0);
  EXPECT_EQ(runtime_->GetContainer(id).value().record.pid, 0);
}

TEST_F(CallsTest, CreateContainer_PullsNothing) {
  cri::ContainerConfig config = Script("c", kRuns);
  config.mutable_image()->set_image("endless");  // a pull of it would not end
  std::string id;
  EXPECT_EQ(Create(Start("web"), config, &id).error_code(), grpc::NOT_FOUND);
}

TEST_F(CallsTest, StartContainer_OnlyFromCreated) {
  EXPECT_EQ(StartIt(kNobody).error_code(), grpc::NOT_FOUND);
  std::string id;
  ASSERT_TRUE(Create(Start("web"), Script("c", "exit 0"), &id).ok());
  ASSERT_TRUE(StartIt(id).ok());
  EXPECT_EQ(StartIt(id).error_code(), grpc::FAILED_PRECONDITION);
  WaitForExit(id);
  EXPECT_EQ(StartIt(id).error_code(), grpc::FAILED_PRECONDITION);
}

TEST_F(CallsTest, StartContainer_ThatFailsIsAnExitWithCode128AndTheCause) {
  cri::ContainerConfig config = Script("c", "");
  config.clear_command();
  config.add_command("/no/such/program");
  std::string id;
  ASSERT_TRUE(Create(Start("web"), config, &id).ok());
  EXPECT_NE(StartIt(id).error_message().find("/no/such/program"), std::string::npos);
  cri::ContainerStatusResponse status;
  ASSERT_TRUE(StatusOf(id, &status).ok());
  EXPECT_EQ(status.status().state(), cri::CONTAINER_EXITED);
  EXPECT_EQ(status.status().exit_code(), 128);
  EXPECT_EQ(status.status().reason(), "StartError");
  EXPECT_NE(status.status().message().find("/no/such/program"), std::string::npos);
  EXPECT_GT(status.status().finished_at(), 0);
}

TEST_F(CallsTest, StopContainer_OfNobodyAndAgainIsFineAndZeroKillsAtOnce) {
  EXPECT_TRUE(Stop(kNobody, 10).ok());
  const std::string id =
      Run(Start("web"), Script("polite", "trap 'exit 7' TERM; while true; do sleep 0.05; done"));
  EXPECT_TRUE(Stop(id, 0).ok());
  EXPECT_EQ(runtime_->GetContainer(id).value().record.exit_code, 137);
  EXPECT_TRUE(Stop(id, 0).ok());
}

TEST_F(CallsTest, RemoveContainer_ThatRunsAndOfNobodyAndLeavesTheLog) {
  EXPECT_TRUE(Remove(kNobody).ok());
  const std::string id = Run(Start("web"), Script("c", std::string("echo said; ") + kRuns));
  (void)LogWith("web", "c", "said");
  EXPECT_TRUE(Remove(id).ok());
  EXPECT_TRUE(Remove(id).ok());
  cri::ContainerStatusResponse status;
  EXPECT_EQ(StatusOf(id, &status).error_code(), grpc::NOT_FOUND);
  EXPECT_NE(Log("web", "c").find("said"), std::string::npos) << "the kubelet removes it";
}

TEST_F(CallsTest, RemoveContainer_WhoseEndNobodyKnows) {
  const std::string pod = Start("web");
  const std::string id = Run(pod, Script("c", kRuns));
  for (const pid_t anchor : ProcessesOf("keelson-anchor", run_))
    ASSERT_EQ(kill(anchor, SIGKILL), 0);
  for (const pid_t monitor : ProcessesOf("keelson-monitor", pod)) (void)kill(monitor, SIGKILL);
  EXPECT_TRUE(Remove(id).ok());
  EXPECT_TRUE(runtime_->ListContainers().empty());
}

TEST_F(CallsTest, ListContainers_ByStatePodAndLabelsWithBothImageFields) {
  const std::string pod = Start("web");
  cri::ContainerConfig config = Script("runs", kRuns);
  (*config.mutable_labels())["part"] = "runs";
  const std::string runs = Run(pod, config);
  const std::string other = runtime_->CreateContainer(pod, Script("other", kRuns)).value();
  const auto listed = [&](const cri::ContainerFilter& filter) {
    cri::ListContainersRequest request;
    *request.mutable_filter() = filter;
    cri::ListContainersResponse response;
    EXPECT_TRUE(Ask(&Pods::ListContainers, request, &response).ok());
    std::vector<std::string> ids;
    for (const cri::Container& item : response.containers()) {
      EXPECT_EQ(item.image_id(), images_->List()[0].id);
      EXPECT_EQ(item.image_ref(), item.image_id());
      ids.push_back(item.id());
    }
    return ids;
  };
  cri::ContainerFilter filter;
  EXPECT_THAT(listed(filter), testing::UnorderedElementsAre(runs, other));
  filter.mutable_state()->set_state(cri::CONTAINER_RUNNING);
  EXPECT_THAT(listed(filter), testing::ElementsAre(runs));
  filter.set_pod_sandbox_id(pod);
  (*filter.mutable_label_selector())["part"] = "runs";
  EXPECT_THAT(listed(filter), testing::ElementsAre(runs));
  (*filter.mutable_label_selector())["part"] = "none";
  EXPECT_THAT(listed(filter), testing::IsEmpty());
}

TEST_F(CallsTest, ContainerStatus_OfNobodyIsNotFoundAndPartOfAnIdIsEnough) {
  cri::ContainerStatusResponse status;
  EXPECT_EQ(StatusOf(kNobody, &status).error_code(), grpc::NOT_FOUND);
  const std::string id = Run(Start("web"), Script("c", kRuns));
  ASSERT_TRUE(StatusOf(id.substr(0, 13), &status).ok());
  EXPECT_EQ(status.status().id(), id);
  EXPECT_GE(status.status().started_at(), status.status().created_at());
  EXPECT_EQ(status.status().log_path(), dir_.path() + "/logs/web/c/0.log");
  EXPECT_EQ(status.status().image_id(), status.status().image_ref());
  EXPECT_EQ(status.status().stop_signal(), cri::SIGNAL_SIGTERM);
  EXPECT_GT(json::ParseJson(status.info().at("info")).value().At({"pid"}).AsInt(), 1);
}

TEST_F(CallsTest, ReopenContainerLog_OfOneThatDoesNotRunMakesNoFile) {
  EXPECT_EQ(Reopen(kNobody).error_code(), grpc::NOT_FOUND);
  std::string id;
  ASSERT_TRUE(Create(Start("web"), Script("c", "echo said"), &id).ok());
  EXPECT_FALSE(Reopen(id).ok());
  const std::string log = dir_.path() + "/logs/web/c/0.log";
  EXPECT_FALSE(os::Exists(log));
  ASSERT_TRUE(StartIt(id).ok());
  WaitForExit(id);
  (void)LogWith("web", "c", "said");
  ASSERT_EQ(rename(log.c_str(), (log + ".1").c_str()), 0);
  EXPECT_FALSE(Reopen(id).ok());
  EXPECT_FALSE(os::Exists(log));
}

TEST_F(CallsTest, ExecSync_NeedsARunningContainerAndATimeoutIsDeadlineExceeded) {
  cri::ExecSyncResponse answer;
  EXPECT_EQ(Exec(kNobody, {"true"}, 60, &answer).error_code(), grpc::NOT_FOUND);
  std::string id;
  ASSERT_TRUE(Create(Start("web"), Script("c", kRuns), &id).ok());
  EXPECT_EQ(Exec(id, {"true"}, 60, &answer).error_code(), grpc::FAILED_PRECONDITION);
  ASSERT_TRUE(StartIt(id).ok());
  EXPECT_EQ(Exec(id, {"sleep", "1000"}, 1, &answer).error_code(), grpc::DEADLINE_EXCEEDED);
  // Zero is no deadline.
  ASSERT_TRUE(Exec(id, {"sh", "-c", "exit 3"}, 0, &answer).ok());
  EXPECT_EQ(answer.exit_code(), 3);
}

TEST_F(CallsTest, UpdateRuntimeConfig_IsAccepted) {
  cri::UpdateRuntimeConfigRequest request;
  request.mutable_runtime_config()->mutable_network_config()->set_pod_cidr("10.9.0.0/24");
  cri::UpdateRuntimeConfigResponse response;
  EXPECT_TRUE(Ask(&Pods::UpdateRuntimeConfig, request, &response).ok());
}

TEST_F(CallsTest, Status_HasConditionsHandlersFeaturesAndSaysMoreWhenAsked) {
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
  for (const cri::RuntimeHandler& handler : status.runtime_handlers()) {
    EXPECT_TRUE(handler.features().recursive_read_only_mounts());
    EXPECT_TRUE(handler.features().user_namespaces());
  }
  EXPECT_TRUE(status.features().supplemental_groups_policy());
  for (const char* key : {"info", "config"})
    EXPECT_EQ(json::ParseJson(status.info().at(key)).value().At({"stateDir"}).AsString(),
              dir_.path());
  status.Clear();
  ASSERT_TRUE(Ask(&Pods::Status, cri::StatusRequest(), &status).ok());
  EXPECT_TRUE(status.info().empty());
}

TEST_F(CallsTest, CheckpointContainer_AndCheckpointPod_AndRestorePod_RefuseByName) {
  cri::CheckpointContainerResponse container;
  const grpc::Status first =
      Ask(&Pods::CheckpointContainer, cri::CheckpointContainerRequest(), &container);
  EXPECT_EQ(first.error_code(), grpc::UNIMPLEMENTED);
  EXPECT_NE(first.error_message().find("CheckpointContainer"), std::string::npos);
  cri::CheckpointPodResponse pod;
  EXPECT_EQ(Ask(&Pods::CheckpointPod, cri::CheckpointPodRequest(), &pod).error_code(),
            grpc::UNIMPLEMENTED);
  cri::RestorePodResponse restored;
  EXPECT_EQ(Ask(&Pods::RestorePod, cri::RestorePodRequest(), &restored).error_code(),
            grpc::UNIMPLEMENTED);
}

TEST_F(CallsTest, RuntimeConfig_NamesTheCgroupDriver) {
  cri::RuntimeConfigResponse config;
  ASSERT_TRUE(Ask(&Pods::RuntimeConfig, cri::RuntimeConfigRequest(), &config).ok());
  EXPECT_EQ(config.linux().cgroup_driver(), cri::CGROUPFS);
}

TEST_F(CallsTest, ListImages_ByName) {
  cri::ListImagesResponse list;
  ASSERT_TRUE(Ask(&Stored::ListImages, cri::ListImagesRequest(), &list).ok());
  EXPECT_EQ(list.images_size(), 1);
  cri::ListImagesRequest other;
  other.mutable_filter()->mutable_image()->set_image("other");
  list.Clear();
  ASSERT_TRUE(Ask(&Stored::ListImages, other, &list).ok());
  EXPECT_EQ(list.images_size(), 0);
}

TEST_F(CallsTest, ImageStatus_OfNoneIsNoErrorAndVerboseHasItsConfiguration) {
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
}

TEST_F(CallsTest, PullImage_AnswersTheIdThatEveryStatusHas) {
  cri::PullImageRequest pull;
  pull.mutable_image()->set_image("busybox");
  cri::PullImageResponse pulled;
  ASSERT_TRUE(Ask(&Stored::PullImage, pull, &pulled).ok());
  EXPECT_EQ(pulled.image_ref(), images_->List()[0].id);
  cri::ContainerStatusResponse status;
  ASSERT_TRUE(StatusOf(Run(Start("web"), Script("c", kRuns)), &status).ok());
  EXPECT_EQ(status.status().image_ref(), pulled.image_ref());
}

TEST_F(CallsTest, PullImage_FromNowhereSaysRegistryUnavailable) {
  cri::PullImageRequest pull;
  pull.mutable_image()->set_image("away/app");
  cri::PullImageResponse pulled;
  const grpc::Status status = Ask(&Stored::PullImage, pull, &pulled);
  EXPECT_NE(status.error_message().find("RegistryUnavailable"), std::string::npos)
      << status.error_message();
}

TEST_F(CallsTest, RemoveImage_OfNoneIsFine) {
  cri::RemoveImageRequest remove;
  remove.mutable_image()->set_image("absent");
  cri::RemoveImageResponse removed;
  EXPECT_TRUE(Ask(&Stored::RemoveImage, remove, &removed).ok());
}

TEST_F(CallsTest, ImageFsInfo_HasBothListsAndATime) {
  cri::ImageFsInfoResponse disks;
  ASSERT_TRUE(Ask(&Stored::ImageFsInfo, cri::ImageFsInfoRequest(), &disks).ok());
  ASSERT_EQ(disks.image_filesystems_size(), 1);
  ASSERT_EQ(disks.container_filesystems_size(), 1);
  EXPECT_GT(disks.image_filesystems(0).timestamp(), 0);
  EXPECT_GT(disks.container_filesystems(0).timestamp(), 0);
}

}  // namespace
}  // namespace keelson::cri_server
