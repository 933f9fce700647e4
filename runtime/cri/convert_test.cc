// SPDX-License-Identifier: Apache-2.0
#include "runtime/cri/convert.h"

#include <gtest/gtest.h>

#include "cri-api/cri.h"
#include "lib/json/value.h"
#include "runtime/cri/inspect.h"

namespace keelson::cri_server {
namespace {

using container::ContainerState;
using container::SandboxState;

SandboxView Pod() {
  SandboxView view;
  view.record.id = "abcdef";
  view.record.state = SandboxState::kReady;
  view.record.created_at = 1'700'000'000'000'000'001;
  view.record.handler = "keelson";
  view.record.addresses = {"10.0.0.2", "fd00::2"};
  view.config.mutable_metadata()->set_name("web");
  (*view.config.mutable_labels())["app"] = "web";
  (*view.config.mutable_labels())["tier"] = "front";
  (*view.config.mutable_annotations())["note"] = "x";
  cri::NamespaceOption& options =
      *view.config.mutable_linux()->mutable_security_context()->mutable_namespace_options();
  options.set_pid(cri::CONTAINER);
  options.set_ipc(cri::NODE);
  return view;
}

ContainerView Container() {
  ContainerView view;
  view.record.id = "123456";
  view.record.sandbox_id = "abcdef";
  view.record.state = ContainerState::kExited;
  view.record.created_at = 1;
  view.record.started_at = 2;
  view.record.finished_at = 3;
  view.record.exit_code = 137;
  view.record.reason = "OOMKilled";
  view.record.message = "said";
  view.record.image_id = "sha256:aa";
  view.record.image_ref = "busybox:1";
  view.record.uid = 33;
  view.record.gid = 34;
  view.record.groups = {34, 50};
  view.record.stop_signal = 3;
  view.config.mutable_metadata()->set_name("c");
  view.config.mutable_metadata()->set_attempt(4);
  view.config.mutable_image()->set_image("sha256:aa");
  (*view.config.mutable_labels())["app"] = "web";
  view.config.add_mounts()->set_container_path("/data");
  view.config.mutable_linux()->mutable_resources()->set_cpu_shares(7);
  return view;
}

TEST(SandboxesInCri, PodSandboxStatus_HasAddressesNamespacesAndTimes) {
  const cri::PodSandboxStatus status = ToStatus(Pod());
  EXPECT_EQ(status.id(), "abcdef");
  EXPECT_EQ(status.metadata().name(), "web");
  EXPECT_EQ(status.state(), cri::SANDBOX_READY);
  EXPECT_EQ(status.created_at(), 1'700'000'000'000'000'001);
  EXPECT_EQ(status.network().ip(), "10.0.0.2");
  ASSERT_EQ(status.network().additional_ips_size(), 1);
  EXPECT_EQ(status.network().additional_ips(0).ip(), "fd00::2");
  EXPECT_EQ(status.linux().namespaces().options().pid(), cri::CONTAINER);
  EXPECT_EQ(status.linux().namespaces().options().ipc(), cri::NODE);
  EXPECT_EQ(status.annotations().at("note"), "x");
  EXPECT_EQ(status.runtime_handler(), "keelson");
  for (const SandboxState state :
       {SandboxState::kStopping, SandboxState::kStopped, SandboxState::kRemoving}) {
    SandboxView view = Pod();
    view.record.state = state;
    EXPECT_EQ(ToStatus(view).state(), cri::SANDBOX_NOTREADY);
    EXPECT_EQ(ToListItem(view).state(), cri::SANDBOX_NOTREADY);
  }
}

TEST(ContainersInCri, ContainerStatus_SaysOfAnEndOnlyWhenItCame) {
  ContainerView view = Container();
  const cri::ContainerStatus ended = ToStatus(view);
  EXPECT_EQ(ended.state(), cri::CONTAINER_EXITED);
  EXPECT_EQ(ended.started_at(), 2);
  EXPECT_EQ(ended.finished_at(), 3);
  EXPECT_EQ(ended.exit_code(), 137);
  EXPECT_EQ(ended.reason(), "OOMKilled");
  EXPECT_EQ(ended.message(), "said");
  view.record.state = ContainerState::kRunning;
  const cri::ContainerStatus runs = ToStatus(view);
  EXPECT_EQ(runs.state(), cri::CONTAINER_RUNNING);
  EXPECT_EQ(runs.started_at(), 2);
  EXPECT_EQ(runs.finished_at(), 0);
  EXPECT_EQ(runs.exit_code(), 0);
  EXPECT_EQ(runs.reason(), "");
  for (const ContainerState state : {ContainerState::kCreated, ContainerState::kStarting}) {
    view.record.state = state;
    EXPECT_EQ(ToStatus(view).state(), cri::CONTAINER_CREATED);
    EXPECT_EQ(ToStatus(view).created_at(), 1);
    EXPECT_EQ(ToStatus(view).started_at(), 0);
  }
}

TEST(ContainersInCri, ContainerStatus_AndListContainers_SayWhatTheyRunAs) {
  const cri::ContainerStatus status = ToStatus(Container());
  EXPECT_EQ(status.image().image(), "busybox:1");
  EXPECT_EQ(status.image_ref(), "sha256:aa");
  EXPECT_EQ(status.image_id(), status.image_ref());
  EXPECT_EQ(ToListItem(Container()).image_id(), "sha256:aa");
  EXPECT_EQ(ToListItem(Container()).image_ref(), "sha256:aa");
  EXPECT_EQ(status.user().linux().uid(), 33);
  EXPECT_EQ(status.user().linux().gid(), 34);
  EXPECT_EQ(status.user().linux().supplemental_groups_size(), 2);
  EXPECT_EQ(status.mounts(0).container_path(), "/data");
  EXPECT_EQ(status.resources().linux().cpu_shares(), 7);
  EXPECT_EQ(status.metadata().attempt(), 4u);
  EXPECT_EQ(status.stop_signal(), cri::SIGNAL_SIGQUIT) << "also when its image says so";
  ContainerView view = Container();
  for (const auto& [number, signal] : {std::pair{15, cri::SIGNAL_SIGTERM},
                                       {17, cri::SIGNAL_SIGCHLD},
                                       {37, cri::SIGNAL_SIGRTMINPLUS3},
                                       {64, cri::SIGNAL_SIGRTMAX}}) {
    view.record.stop_signal = number;
    EXPECT_EQ(ToStatus(view).stop_signal(), signal);
  }
}

TEST(ImagesInCri, ListImages_HaveANumberOrANameOfTheirUserNeverBoth) {
  struct Case {
    std::string user;
    std::optional<int64_t> uid;
    std::string name;
  };
  for (const Case& c : std::vector<Case>{{"", 0, ""},
                                         {"0", 0, ""},
                                         {"1000", 1000, ""},
                                         {"1000:50", 1000, ""},
                                         {"web", {}, "web"},
                                         {"web:web", {}, "web"}}) {
    SCOPED_TRACE(c.user);
    image::Image image;
    image.id = "sha256:aa";
    image.size = 5;
    image.repo_tags = {"a:1", "b:1"};
    image.repo_digests = {"a@sha256:bb"};
    image.config.user = c.user;
    const cri::Image out = ToImage(image);
    EXPECT_EQ(out.id(), "sha256:aa");
    EXPECT_EQ(out.size(), 5u);
    EXPECT_EQ(out.repo_tags_size(), 2);
    EXPECT_EQ(out.repo_digests_size(), 1);
    EXPECT_EQ(out.has_uid(), c.uid.has_value());
    EXPECT_EQ(out.uid().value(), c.uid.value_or(0));
    EXPECT_EQ(out.username(), c.name);
  }
}

TEST(FiltersOfCri, ListPodSandbox_AndListContainers_AllMustMatch) {
  const SandboxItem pod{
      .id = "abcdef", .ready = true, .labels = {{"app", "web"}, {"tier", "front"}}};
  cri::PodSandboxFilter pods;
  EXPECT_TRUE(Matches(pods, pod));
  pods.set_id("abc");
  EXPECT_TRUE(Matches(pods, pod)) << "a part of the id is enough";
  (*pods.mutable_label_selector())["app"] = "web";
  (*pods.mutable_label_selector())["tier"] = "front";
  pods.mutable_state()->set_state(cri::SANDBOX_READY);
  EXPECT_TRUE(Matches(pods, pod));
  (*pods.mutable_label_selector())["tier"] = "back";
  EXPECT_FALSE(Matches(pods, pod));
  (*pods.mutable_label_selector())["tier"] = "front";
  pods.mutable_state()->set_state(cri::SANDBOX_NOTREADY);
  EXPECT_FALSE(Matches(pods, pod));
  pods.clear_state();
  pods.set_id("abd");
  EXPECT_FALSE(Matches(pods, pod));

  const ContainerItem container{.id = "123456",
                                .sandbox_id = "abcdef",
                                .state = cri::CONTAINER_EXITED,
                                .labels = {{"app", "web"}}};
  cri::ContainerFilter containers;
  containers.set_id("123456");
  containers.set_pod_sandbox_id("abcdef");
  containers.mutable_state()->set_state(cri::CONTAINER_EXITED);
  (*containers.mutable_label_selector())["app"] = "web";
  EXPECT_TRUE(Matches(containers, container));
  containers.set_pod_sandbox_id("ffffff");
  EXPECT_FALSE(Matches(containers, container));
  containers.clear_pod_sandbox_id();
  (*containers.mutable_label_selector())["app"] = "";
  EXPECT_FALSE(Matches(containers, container));
  containers.clear_label_selector();
  containers.mutable_state()->set_state(cri::CONTAINER_CREATED);
  EXPECT_FALSE(Matches(containers, container)) << "the state with the number zero is one too";
}

TEST(FiltersOfCri, ListContainerStats_AndListPodSandboxStats_AreByIdPodAndLabels) {
  stats::ContainerTarget container;
  container.id = "123456";
  container.sandbox_id = "abcdef";
  container.labels = {{"app", "web"}};
  cri::ContainerStatsFilter filter;
  EXPECT_TRUE(Matches(filter, container));
  filter.set_id("1234");
  filter.set_pod_sandbox_id("abc");
  (*filter.mutable_label_selector())["app"] = "web";
  EXPECT_TRUE(Matches(filter, container));
  (*filter.mutable_label_selector())["foo"] = "baz";
  EXPECT_FALSE(Matches(filter, container));
  stats::PodTarget pod;
  pod.id = "abcdef";
  cri::PodSandboxStatsFilter pods;
  EXPECT_TRUE(Matches(pods, pod));
  pods.set_id("b");
  EXPECT_FALSE(Matches(pods, pod));
}

TEST(VerboseCri, IsJson) {
  const base::Result<json::Value> pod = json::ParseJson(Inspect(Pod()));
  ASSERT_TRUE(pod.ok()) << pod.error().message();
  EXPECT_EQ(pod->At({"state"}).AsString(), "ready");
  EXPECT_EQ(pod->At({"config", "metadata", "name"}).AsString(), "web");
  const base::Result<json::Value> container = json::ParseJson(Inspect(Container()));
  ASSERT_TRUE(container.ok()) << container.error().message();
  EXPECT_EQ(container->At({"sandboxID"}).AsString(), "abcdef");
  EXPECT_EQ(container->At({"config", "image", "image"}).AsString(), "sha256:aa");
}

}  // namespace
}  // namespace keelson::cri_server
