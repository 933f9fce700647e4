// SPDX-License-Identifier: Apache-2.0
#include "kubelet/lifecycle/events.h"

#include <gmock/gmock.h>

namespace keelson::lifecycle {
namespace {

using testing::ElementsAre;

kube::Pod Web() {
  kube::Pod pod;
  pod.metadata = {.name = "web", .namespace_name = "default", .uid = "u"};
  pod.spec.containers.emplace_back().name = "a";
  pod.spec.containers[0].image = "nginx:1";
  return pod;
}

std::vector<std::string> Told(const std::vector<status::Event>& events) {
  std::vector<std::string> texts;
  for (const status::Event& event : events)
    texts.push_back((event.warning ? "Warning " : "Normal ") + event.reason + ": " + event.message);
  return texts;
}
std::vector<std::string> Failed(const sync::Action& action, const std::string& reason,
                                const std::string& id = "") {
  Outcome outcome;
  outcome.status = base::Unknown("why");
  outcome.reason = reason;
  outcome.container_id = id;
  return Told(EventsOfFailure(action, outcome, Web()));
}
std::vector<std::string> Done(const sync::Action& action, const Outcome& outcome = {}) {
  return Told(EventsOfSuccess(action, outcome, Web()));
}

TEST(Events, TellOfImages) {
  const sync::EnsureImage image{"a", 0};
  EXPECT_THAT(Done(image),
              ElementsAre("Normal Pulled: Container image \"nginx:1\" already present on machine"));
  Outcome pulled;
  pulled.pulled = true;
  pulled.pull_time = std::chrono::milliseconds(840);
  pulled.pull_and_wait_time = std::chrono::milliseconds(12'034);
  pulled.image_bytes = 4711;
  EXPECT_THAT(Done(image, pulled),
              ElementsAre("Normal Pulled: Successfully pulled image \"nginx:1\" in 840ms (12.034s "
                          "including waiting). Image size: 4711 bytes."));
  EXPECT_THAT(Failed(image, "ErrImagePull"),
              ElementsAre("Warning Failed: Failed to pull image \"nginx:1\": why",
                          "Warning Failed: Error: ErrImagePull"));
  EXPECT_THAT(
      Failed(image, "InvalidImageName"),
      ElementsAre("Warning InspectFailed: Failed to apply default image tag \"nginx:1\": why",
                  "Warning Failed: Error: InvalidImageName"));
  EXPECT_THAT(Failed(image, "ImageInspectError"),
              ElementsAre("Warning InspectFailed: Failed to inspect image \"nginx:1\": why",
                          "Warning Failed: Error: ImageInspectError"));
  EXPECT_THAT(
      Failed(image, "ErrImageNeverPull"),
      ElementsAre("Warning ErrImageNeverPull: why", "Warning Failed: Error: ErrImageNeverPull"));
}

TEST(Events, TellOfContainers) {
  const sync::StartContainer start{"a", 1, "s", {}};
  EXPECT_THAT(Done(start), ElementsAre("Normal Created: Created container: a",
                                       "Normal Started: Started container a"));
  EXPECT_THAT(Failed(start, "CreateContainerError"),
              ElementsAre("Warning Failed: Error: container a: why"));
  EXPECT_THAT(Failed(start, "RunContainerError", "id"),
              ElementsAre("Normal Created: Created container: a",
                          "Warning Failed: Error: container a: why"));
  EXPECT_THAT(Failed(sync::PostStart{"a", "id"}, ""),
              ElementsAre("Warning FailedPostStartHook: PostStartHook failed: why"));
  EXPECT_THAT(Failed(sync::PreStop{"a", "id", 3}, ""),
              ElementsAre("Warning FailedPreStopHook: PreStopHook failed: why"));
  EXPECT_THAT(Failed(sync::KillContainer{"a", "id", 3, "the pod was deleted"}, ""),
              ElementsAre("Warning FailedKillPod: error killing pod: end container a within 3 s: "
                          "the pod was deleted: why"));
  EXPECT_THAT(Done(sync::PostStart{"a", "id"}), ElementsAre());
}

TEST(Events, TellOfPods) {
  EXPECT_THAT(Failed(sync::CreateSandbox{}, "CreatePodSandboxError"),
              ElementsAre("Warning FailedCreatePodSandBox: Failed to create pod sandbox: why"));
  EXPECT_THAT(Failed(sync::Prepare{}, "FailedMount"), ElementsAre("Warning FailedMount: why"));
  Outcome volumes;
  volumes.status = base::Unknown("first");
  volumes.reason = "FailedMount";
  volumes.volume_failures = {{"v", base::Unknown("first")}, {"w", base::Unknown("second")}};
  EXPECT_THAT(Told(EventsOfFailure(sync::Prepare{}, volumes, Web())),
              ElementsAre("Warning FailedMount: first", "Warning FailedMount: second"));
  EXPECT_THAT(
      Told({VolumesOverdue({"w", "v"})}),
      ElementsAre("Warning FailedMount: Unable to attach or mount volumes: unmounted "
                  "volumes=[v w], unattached volumes=[], failed to process volumes=[]: context "
                  "deadline exceeded"));
  EXPECT_THAT(Failed(sync::Prepare{}, "FailedCreatePodContainer"),
              ElementsAre("Warning FailedCreatePodContainer: Error syncing pod: prepare cgroup, "
                          "directories and volumes: why"));
  EXPECT_THAT(
      Failed(sync::RemoveSandbox{"0123456789abcdef"}, ""),
      ElementsAre("Warning FailedSync: Error syncing pod: remove sandbox 0123456789ab: why"));
}

}  // namespace
}  // namespace keelson::lifecycle
