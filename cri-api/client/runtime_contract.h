// SPDX-License-Identifier: Apache-2.0
// What the kubelet relies on of a CRI runtime, as one suite for all: the fake beside this header
// and the real daemon (tests/component). A fixture to run it over derives from testing::Test and
// has Runtime(), Eventually(condition), Image() (there already, with a shell), AbsentImage() and
// LogRoot() (a directory of the test's own) and CgroupParent() (empty: the runtime's).
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "cri-api/client/runtime_client.h"
#include "lib/os/files.h"

namespace keelson::cri_client {

template <typename Fixture>
class RuntimeContract : public Fixture {
 protected:
  using Seconds = std::chrono::seconds;

  static std::string Text(const base::Status& status) {
    return status.ok() ? "" : status.error().message();
  }
  cri::PodSandboxConfig PodConfig(const std::string& name, uint32_t attempt = 0) {
    cri::PodSandboxConfig config;
    config.mutable_metadata()->set_name(name);
    config.mutable_metadata()->set_uid("uid-" + name);
    config.mutable_metadata()->set_namespace_("default");
    config.mutable_metadata()->set_attempt(attempt);
    config.set_hostname(name);
    config.set_log_directory(this->LogRoot() + "/" + name);
    config.mutable_linux()->set_cgroup_parent(this->CgroupParent());
    (*config.mutable_labels())["app"] = name;
    (*config.mutable_annotations())["note"] = "a note";
    return config;
  }
  std::string RunPod(const std::string& name) {
    const base::Result<std::string> id = this->Runtime().RunPodSandbox(PodConfig(name), "");
    EXPECT_TRUE(id.ok()) << id.error().message();
    return id.ok() ? *id : "";
  }
  cri::ContainerConfig ContainerOf(const std::string& name, const std::string& script,
                                   uint32_t attempt = 0) {
    cri::ContainerConfig config;
    config.mutable_metadata()->set_name(name);
    config.mutable_metadata()->set_attempt(attempt);
    config.mutable_image()->set_image(this->Image());
    for (const std::string& word : {std::string("sh"), std::string("-c"), script})
      config.add_command(word);
    config.set_log_path(name + "/" + std::to_string(attempt) + ".log");
    (*config.mutable_labels())["part"] = name;
    (*config.mutable_annotations())["hash"] = "1234";
    return config;
  }
  std::string Create(const std::string& pod, const std::string& name, const std::string& script,
                     uint32_t attempt = 0) {
    const base::Result<std::string> id =
        this->Runtime().CreateContainer(pod, ContainerOf(name, script, attempt), PodConfig("web"));
    EXPECT_TRUE(id.ok()) << id.error().message();
    return id.ok() ? *id : "";
  }
  std::string Start(const std::string& pod, const std::string& name, const std::string& script) {
    const std::string id = Create(pod, name, script);
    const base::Status started = this->Runtime().StartContainer(id);
    EXPECT_TRUE(started.ok()) << Text(started);
    return id;
  }
  cri::ContainerStatus StatusOf(const std::string& id) {
    const base::Result<cri::ContainerStatus> status = this->Runtime().ContainerStatus(id);
    EXPECT_TRUE(status.ok()) << status.error().message();
    return status.ok() ? *status : cri::ContainerStatus();
  }
  bool Ends(const std::string& id) {
    return this->Eventually([&] { return StatusOf(id).state() == cri::CONTAINER_EXITED; });
  }
  cri::PodSandboxState StateOfPod(const std::string& id) {
    return this->Runtime().PodSandboxStatus(id).value().state();
  }
  base::Code CodeOf(const base::Status& status) {
    return status.ok() ? base::Code{} : status.error().code();
  }
  template <typename T>
  base::Code CodeOf(const base::Result<T>& result) {
    return result.ok() ? base::Code{} : result.error().code();
  }
  std::vector<std::string> PodIds() {
    std::vector<std::string> ids;
    for (const cri::PodSandbox& pod : this->Runtime().ListPodSandboxes().value())
      ids.push_back(pod.id());
    return ids;
  }
  std::vector<std::string> ContainerIds() {
    std::vector<std::string> ids;
    for (const cri::Container& container : this->Runtime().ListContainers().value())
      ids.push_back(container.id());
    return ids;
  }
  // Runs on, and leaves at the first polite word.
  static constexpr char kRuns[] = "trap 'exit 143' TERM; while true; do sleep 0.01; done";
  static constexpr char kStubborn[] = "trap '' TERM; while true; do sleep 0.01; done";
};

TYPED_TEST_SUITE_P(RuntimeContract);

TYPED_TEST_P(RuntimeContract, SaysWhatItIs) {
  const cri::VersionResponse version = this->Runtime().Version().value();
  EXPECT_EQ(version.runtime_api_version(), "v1");
  EXPECT_NE(version.runtime_name(), "");
  std::vector<std::string> ready;
  const cri::StatusResponse status = this->Runtime().Status().value();
  for (const cri::RuntimeCondition& condition : status.status().conditions()) {
    if (condition.status()) ready.push_back(condition.type());
  }
  EXPECT_THAT(ready, testing::UnorderedElementsAre("RuntimeReady", "NetworkReady"));
  EXPECT_TRUE(this->Runtime().RuntimeConfig().ok());
  EXPECT_TRUE(this->Runtime().UpdateRuntimeConfig("10.77.0.0/24").ok());
}

TYPED_TEST_P(RuntimeContract, PodSandboxStatus_AndListPodSandbox_ShowAPodAsItWasAskedFor) {
  const std::string id = this->RunPod("web");
  const cri::PodSandboxStatus status = this->Runtime().PodSandboxStatus(id).value();
  EXPECT_EQ(status.id(), id);
  EXPECT_EQ(status.state(), cri::SANDBOX_READY);
  EXPECT_EQ(status.metadata().name(), "web");
  EXPECT_EQ(status.metadata().namespace_(), "default");
  EXPECT_EQ(status.metadata().uid(), "uid-web");
  EXPECT_EQ(status.labels().at("app"), "web");
  EXPECT_EQ(status.annotations().at("note"), "a note");
  EXPECT_GT(status.created_at(), 0);
  EXPECT_NE(status.network().ip(), "");
  const std::vector<cri::PodSandbox> listed = this->Runtime().ListPodSandboxes().value();
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_EQ(listed[0].id(), id);
  EXPECT_EQ(listed[0].state(), cri::SANDBOX_READY);
  EXPECT_EQ(listed[0].labels().at("app"), "web");
  EXPECT_EQ(listed[0].created_at(), status.created_at());
}

TYPED_TEST_P(RuntimeContract, RunPodSandbox_OnTheHostsNetworkHasNoAddress) {
  cri::PodSandboxConfig config = this->PodConfig("web");
  config.mutable_linux()->mutable_security_context()->mutable_namespace_options()->set_network(
      cri::NODE);
  const std::string id = this->Runtime().RunPodSandbox(config, "").value();
  const cri::PodSandboxStatus status = this->Runtime().PodSandboxStatus(id).value();
  EXPECT_EQ(status.network().ip(), "");
  EXPECT_EQ(status.linux().namespaces().options().network(), cri::NODE);
}

TYPED_TEST_P(RuntimeContract, RunPodSandbox_MakesOnePodOfANameAndAttempt) {
  const std::string id = this->RunPod("web");
  // A runtime may refuse, or take it for the retry of a call whose answer was lost.
  const base::Result<std::string> again = this->Runtime().RunPodSandbox(this->PodConfig("web"), "");
  if (again.ok()) {
    EXPECT_EQ(*again, id);
  } else {
    EXPECT_EQ(again.error().code(), base::Code::kAlreadyExists);
  }
  EXPECT_THAT(this->PodIds(), testing::ElementsAre(id));
  const base::Result<std::string> next =
      this->Runtime().RunPodSandbox(this->PodConfig("web", 1), "");
  ASSERT_TRUE(next.ok()) << next.error().message();
  EXPECT_THAT(this->PodIds(), testing::UnorderedElementsAre(id, *next));
  // The name is free again once it is removed.
  ASSERT_TRUE(this->Runtime().RemovePodSandbox(id).ok());
  EXPECT_NE(this->RunPod("web"), id);
}

TYPED_TEST_P(RuntimeContract, RunPodSandbox_RefusesNoNameAndUnknownHandlers) {
  EXPECT_EQ(this->CodeOf(this->Runtime().RunPodSandbox({}, "")), base::Code::kInvalidArgument);
  EXPECT_FALSE(this->Runtime().RunPodSandbox(this->PodConfig("web"), "no-such-handler").ok());
  EXPECT_THAT(this->PodIds(), testing::IsEmpty());
}

TYPED_TEST_P(RuntimeContract, StopPodSandbox_AndRemovePodSandbox_AsOftenAsAsked) {
  const std::string id = this->RunPod("web");
  const std::string running = this->Start(id, "runs", this->kStubborn);
  const std::string created = this->Create(id, "waits", this->kRuns);
  for (int i = 0; i < 2; ++i) {
    const base::Status stopped = this->Runtime().StopPodSandbox(id);
    ASSERT_TRUE(stopped.ok()) << this->Text(stopped);
    EXPECT_EQ(this->StateOfPod(id), cri::SANDBOX_NOTREADY);
    EXPECT_EQ(this->StatusOf(running).state(), cri::CONTAINER_EXITED);
    EXPECT_EQ(this->StatusOf(running).exit_code(), 137);
    EXPECT_NE(this->StatusOf(created).state(), cri::CONTAINER_RUNNING);
  }
  EXPECT_FALSE(
      this->Runtime()
          .CreateContainer(id, this->ContainerOf("late", this->kRuns), this->PodConfig("web"))
          .ok());
  for (int i = 0; i < 2; ++i) {
    const base::Status removed = this->Runtime().RemovePodSandbox(id);
    ASSERT_TRUE(removed.ok()) << this->Text(removed);
    EXPECT_EQ(this->CodeOf(this->Runtime().PodSandboxStatus(id)), base::Code::kNotFound);
    EXPECT_EQ(this->CodeOf(this->Runtime().ContainerStatus(running)), base::Code::kNotFound);
  }
  EXPECT_THAT(this->PodIds(), testing::IsEmpty());
  EXPECT_THAT(this->ContainerIds(), testing::IsEmpty());
}

TYPED_TEST_P(RuntimeContract, RemovePodSandbox_OfAPodThatRuns) {
  const std::string id = this->RunPod("web");
  this->Start(id, "runs", this->kStubborn);
  const base::Status removed = this->Runtime().RemovePodSandbox(id);
  ASSERT_TRUE(removed.ok()) << this->Text(removed);
  EXPECT_THAT(this->PodIds(), testing::IsEmpty());
  EXPECT_THAT(this->ContainerIds(), testing::IsEmpty());
}

TYPED_TEST_P(RuntimeContract, ContainerStatus_AndListContainers_InEachState) {
  const std::string pod = this->RunPod("web");
  const std::string id = this->Create(pod, "one", "exit 7");
  cri::ContainerStatus status = this->StatusOf(id);
  EXPECT_EQ(status.state(), cri::CONTAINER_CREATED);
  EXPECT_EQ(status.started_at(), 0);
  EXPECT_EQ(status.finished_at(), 0);
  ASSERT_TRUE(this->Runtime().StartContainer(id).ok());
  ASSERT_TRUE(this->Ends(id));
  status = this->StatusOf(id);
  EXPECT_EQ(status.exit_code(), 7);
  EXPECT_EQ(status.reason(), "Error");
  EXPECT_LE(status.created_at(), status.started_at());
  EXPECT_LE(status.started_at(), status.finished_at());
  EXPECT_EQ(status.metadata().name(), "one");
  EXPECT_EQ(status.labels().at("part"), "one");
  EXPECT_EQ(status.annotations().at("hash"), "1234");
  EXPECT_EQ(status.image().image(), this->Image());
  EXPECT_NE(status.image_ref(), "");
  EXPECT_EQ(status.log_path(), this->LogRoot() + "/web/one/0.log");

  const std::string good = this->Start(pod, "two", "exit 0");
  ASSERT_TRUE(this->Ends(good));
  EXPECT_EQ(this->StatusOf(good).exit_code(), 0);
  EXPECT_EQ(this->StatusOf(good).reason(), "Completed");

  for (const cri::Container& listed : this->Runtime().ListContainers().value()) {
    EXPECT_EQ(listed.pod_sandbox_id(), pod);
    EXPECT_EQ(listed.state(), cri::CONTAINER_EXITED);
    EXPECT_EQ(listed.annotations().at("hash"), "1234");
  }
}

TYPED_TEST_P(RuntimeContract, StartContainer_Once) {
  const std::string pod = this->RunPod("web");
  const std::string id = this->Start(pod, "one", this->kRuns);
  EXPECT_FALSE(this->Runtime().StartContainer(id).ok());
  EXPECT_EQ(this->StatusOf(id).state(), cri::CONTAINER_RUNNING);
  ASSERT_TRUE(this->Runtime().StopContainer(id, std::chrono::seconds(20)).ok());
  EXPECT_FALSE(this->Runtime().StartContainer(id).ok());
}

TYPED_TEST_P(RuntimeContract, CreateContainer_MakesOneOfANameAndAttempt) {
  const std::string pod = this->RunPod("web");
  const std::string id = this->Create(pod, "one", this->kRuns);
  const base::Result<std::string> again = this->Runtime().CreateContainer(
      pod, this->ContainerOf("one", this->kRuns), this->PodConfig("web"));
  if (again.ok()) {
    EXPECT_EQ(*again, id);
  } else {
    EXPECT_EQ(again.error().code(), base::Code::kAlreadyExists);
  }
  EXPECT_THAT(this->ContainerIds(), testing::ElementsAre(id));
  const std::string next = this->Create(pod, "one", this->kRuns, 1);
  EXPECT_THAT(this->ContainerIds(), testing::UnorderedElementsAre(id, next));
}

TYPED_TEST_P(RuntimeContract, CreateContainer_RefusesWhatCannotBe) {
  const auto create = [this](const std::string& pod, const cri::ContainerConfig& config) {
    return this->CodeOf(this->Runtime().CreateContainer(pod, config, this->PodConfig("web")));
  };
  EXPECT_EQ(create("no-such-pod", this->ContainerOf("one", this->kRuns)), base::Code::kNotFound);
  const std::string pod = this->RunPod("web");
  cri::ContainerConfig config = this->ContainerOf("one", this->kRuns);
  config.mutable_image()->set_image(this->AbsentImage());
  EXPECT_EQ(create(pod, config), base::Code::kNotFound);
  config = this->ContainerOf("", this->kRuns);
  EXPECT_EQ(create(pod, config), base::Code::kInvalidArgument);
  EXPECT_THAT(this->ContainerIds(), testing::IsEmpty());
}

TYPED_TEST_P(RuntimeContract, StopContainer_PolitelyFirst) {
  const std::string pod = this->RunPod("web");
  const std::string polite = this->Start(pod, "polite", this->kRuns);
  const std::string stubborn = this->Start(pod, "stubborn", this->kStubborn);
  const std::string waits = this->Create(pod, "waits", this->kRuns);
  ASSERT_TRUE(this->Runtime().StopContainer(polite, std::chrono::seconds(60)).ok());
  EXPECT_EQ(this->StatusOf(polite).state(), cri::CONTAINER_EXITED);
  EXPECT_EQ(this->StatusOf(polite).exit_code(), 143);
  ASSERT_TRUE(this->Runtime().StopContainer(stubborn, std::chrono::seconds(1)).ok());
  EXPECT_EQ(this->StatusOf(stubborn).state(), cri::CONTAINER_EXITED);
  EXPECT_EQ(this->StatusOf(stubborn).exit_code(), 137);
  // Of one that ended, or never ran, or is not there: fine.
  EXPECT_TRUE(this->Runtime().StopContainer(polite, std::chrono::seconds(1)).ok());
  EXPECT_TRUE(this->Runtime().StopContainer(waits, std::chrono::seconds(1)).ok());
  EXPECT_NE(this->StatusOf(waits).state(), cri::CONTAINER_RUNNING);
  EXPECT_TRUE(this->Runtime().StopContainer("no-such-container", std::chrono::seconds(1)).ok());
}

TYPED_TEST_P(RuntimeContract, RemoveContainer_InAnyState) {
  const std::string pod = this->RunPod("web");
  const std::string created = this->Create(pod, "created", this->kRuns);
  const std::string running = this->Start(pod, "running", this->kStubborn);
  const std::string ended = this->Start(pod, "ended", "exit 0");
  ASSERT_TRUE(this->Ends(ended));
  for (const std::string& id : {created, running, ended}) {
    for (int i = 0; i < 2; ++i) {
      const base::Status removed = this->Runtime().RemoveContainer(id);
      EXPECT_TRUE(removed.ok()) << this->Text(removed);
    }
    EXPECT_EQ(this->CodeOf(this->Runtime().ContainerStatus(id)), base::Code::kNotFound);
    EXPECT_EQ(this->CodeOf(this->Runtime().StartContainer(id)), base::Code::kNotFound);
  }
  EXPECT_THAT(this->ContainerIds(), testing::IsEmpty());
  EXPECT_EQ(this->StateOfPod(pod), cri::SANDBOX_READY);
}

TYPED_TEST_P(RuntimeContract, ExecSync_InContainersThatRun) {
  const std::string pod = this->RunPod("web");
  const std::string id = this->Start(pod, "one", this->kRuns);
  const auto exec = [this](const std::string& container, const std::vector<std::string>& words) {
    return this->Runtime().ExecSync(container, words, std::chrono::seconds(60));
  };
  EXPECT_EQ(exec(id, {"echo", "hello", "you"}).value().stdout(), "hello you\n");
  const cri::ExecSyncResponse answer =
      exec(id, {"sh", "-c", "echo good; echo bad >&2; exit 3"}).value();
  EXPECT_EQ(answer.stdout(), "good\n");
  EXPECT_EQ(answer.stderr(), "bad\n");
  EXPECT_EQ(answer.exit_code(), 3);
  const base::Result<cri::ExecSyncResponse> late =
      this->Runtime().ExecSync(id, {"sleep", "600"}, std::chrono::seconds(1));
  EXPECT_EQ(this->CodeOf(late), base::Code::kDeadlineExceeded);
  EXPECT_EQ(this->StatusOf(id).state(), cri::CONTAINER_RUNNING);
  EXPECT_EQ(this->CodeOf(exec("no-such-container", {"echo"})), base::Code::kNotFound);
  EXPECT_EQ(this->CodeOf(exec(id, {})), base::Code::kInvalidArgument);
  ASSERT_TRUE(this->Runtime().StopContainer(id, std::chrono::seconds(0)).ok());
  EXPECT_FALSE(exec(id, {"echo"}).ok());
}

TYPED_TEST_P(RuntimeContract, Sessions_AreHadByAnUrl) {
  const std::string pod = this->RunPod("web");
  cri::ExecRequest exec;
  exec.set_container_id(this->Start(pod, "one", this->kRuns));
  exec.add_cmd("echo");
  exec.set_stdout(true);
  cri::AttachRequest attach;
  attach.set_container_id(exec.container_id());
  attach.set_stdout(true);
  cri::PortForwardRequest forward;
  forward.set_pod_sandbox_id(pod);
  for (const base::Result<std::string>& url :
       {this->Runtime().Exec(exec), this->Runtime().Attach(attach),
        this->Runtime().PortForward(forward)}) {
    ASSERT_TRUE(url.ok()) << url.error().message();
    EXPECT_THAT(*url, testing::StartsWith("http"));
  }
  exec.set_container_id("no-such-container");
  EXPECT_EQ(this->CodeOf(this->Runtime().Exec(exec)), base::Code::kNotFound);
  attach.set_container_id("no-such-container");
  EXPECT_EQ(this->CodeOf(this->Runtime().Attach(attach)), base::Code::kNotFound);
  forward.set_pod_sandbox_id("no-such-pod");
  EXPECT_EQ(this->CodeOf(this->Runtime().PortForward(forward)), base::Code::kNotFound);
  EXPECT_TRUE(this->Runtime().ListPodSandboxStats().ok());
}

TYPED_TEST_P(RuntimeContract, ReopenContainerLog_GoesOnInANewFile) {
  const std::string pod = this->RunPod("web");
  const std::string id =
      this->Start(pod, "one", std::string("echo hello; echo oh >&2; ") + this->kRuns);
  const std::string log = this->StatusOf(id).log_path();
  const auto read = [&] { return os::ReadFile(log).ValueOr("(none)"); };
  EXPECT_TRUE(this->Eventually([&] {
    return read().find(" stdout F hello\n") != std::string::npos;
  })) << read();
  EXPECT_TRUE(this->Eventually([&] { return read().find(" stderr F oh\n") != std::string::npos; }))
      << read();
  ASSERT_EQ(std::rename(log.c_str(), (log + ".before").c_str()), 0);
  const base::Status reopened = this->Runtime().ReopenContainerLog(id);
  ASSERT_TRUE(reopened.ok()) << this->Text(reopened);
  EXPECT_EQ(read(), "");
  EXPECT_EQ(this->CodeOf(this->Runtime().ReopenContainerLog("no-such-container")),
            base::Code::kNotFound);
  ASSERT_TRUE(this->Runtime().StopContainer(id, std::chrono::seconds(0)).ok());
  EXPECT_FALSE(this->Runtime().ReopenContainerLog(id).ok());
}

TYPED_TEST_P(RuntimeContract, GetContainerEvents_InOrder) {
  std::mutex mutex;
  std::vector<cri::ContainerEventResponse> seen;
  base::Status ended = base::Unknown("not ended");
  std::jthread watcher([&](const std::stop_token& stop) {
    ended = this->Runtime().WatchEvents(stop, [&](const cri::ContainerEventResponse& event) {
      const std::lock_guard lock(mutex);
      seen.push_back(event);
    });
  });
  const auto types_of = [&](const std::string& id) {
    const std::lock_guard lock(mutex);
    std::vector<cri::ContainerEventType> types;
    for (const cri::ContainerEventResponse& event : seen) {
      if (event.container_id() == id) types.push_back(event.container_event_type());
    }
    return types;
  };
  const std::string pod = this->RunPod("web");
  // The stream may take a while to be there: containers come and go until the first word.
  uint32_t attempt = 0;
  ASSERT_TRUE(this->Eventually([&] {
    EXPECT_TRUE(
        this->Runtime().RemoveContainer(this->Create(pod, "probe", this->kRuns, attempt++)).ok());
    const std::lock_guard lock(mutex);
    return !seen.empty();
  }));
  const std::string id = this->Create(pod, "one", this->kRuns);
  ASSERT_TRUE(this->Runtime().StartContainer(id).ok());
  ASSERT_TRUE(this->Runtime().StopContainer(id, std::chrono::seconds(20)).ok());
  ASSERT_TRUE(this->Eventually([&] { return types_of(id).size() == 3; }));
  ASSERT_TRUE(this->Runtime().RemoveContainer(id).ok());
  ASSERT_TRUE(this->Eventually([&] { return types_of(id).size() >= 4; }));
  EXPECT_THAT(types_of(id),
              testing::ElementsAre(cri::CONTAINER_CREATED_EVENT, cri::CONTAINER_STARTED_EVENT,
                                   cri::CONTAINER_STOPPED_EVENT, cri::CONTAINER_DELETED_EVENT));
  {
    const std::lock_guard lock(mutex);
    EXPECT_EQ(seen.back().pod_sandbox_status().id(), pod);
    EXPECT_GT(seen.back().created_at(), 0);
  }
  watcher.request_stop();
  watcher.join();
  EXPECT_TRUE(ended.ok()) << this->Text(ended);
}

TYPED_TEST_P(RuntimeContract, KnowsItsImages) {
  const cri::ImageStatusResponse here = this->Runtime().ImageStatus(this->Image()).value();
  ASSERT_TRUE(here.has_image());
  EXPECT_NE(here.image().id(), "");
  EXPECT_TRUE(here.image().has_uid() != !here.image().username().empty());
  EXPECT_EQ(this->Runtime().ImageStatus(here.image().id()).value().image().id(), here.image().id());
  EXPECT_FALSE(this->Runtime().ImageStatus(this->AbsentImage()).value().has_image());
  const std::vector<cri::Image> listed = this->Runtime().ListImages().value();
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_EQ(listed[0].id(), here.image().id());
  EXPECT_THAT(listed[0].repo_tags(), testing::ElementsAre(this->Image()));
  EXPECT_FALSE(this->Runtime().ImageFsInfo().value().image_filesystems().empty());
  EXPECT_TRUE(this->Runtime().RemoveImage(this->AbsentImage()).ok());
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(this->Runtime().RemoveImage(this->Image()).ok());
  EXPECT_FALSE(this->Runtime().ImageStatus(this->Image()).value().has_image());
}

REGISTER_TYPED_TEST_SUITE_P(
    RuntimeContract, SaysWhatItIs, PodSandboxStatus_AndListPodSandbox_ShowAPodAsItWasAskedFor,
    RunPodSandbox_OnTheHostsNetworkHasNoAddress, RunPodSandbox_MakesOnePodOfANameAndAttempt,
    RunPodSandbox_RefusesNoNameAndUnknownHandlers,
    StopPodSandbox_AndRemovePodSandbox_AsOftenAsAsked, RemovePodSandbox_OfAPodThatRuns,
    ContainerStatus_AndListContainers_InEachState, StartContainer_Once,
    CreateContainer_MakesOneOfANameAndAttempt, CreateContainer_RefusesWhatCannotBe,
    StopContainer_PolitelyFirst, RemoveContainer_InAnyState, ExecSync_InContainersThatRun,
    Sessions_AreHadByAnUrl, ReopenContainerLog_GoesOnInANewFile, GetContainerEvents_InOrder,
    KnowsItsImages);

}  // namespace keelson::cri_client
