// SPDX-License-Identifier: Apache-2.0
#include "kubelet/lifecycle/events.h"

#include <fmt/format.h>

#include <algorithm>

#include "kubelet/pod/names.h"

namespace keelson::lifecycle {
namespace {

using status::Event;
using Events = std::vector<Event>;

const std::string& ImageOf(const kube::Pod& pod, const std::string& name) {
  static const std::string kNone;
  const kube::Container* container = kube::FindContainer(pod.spec, name);
  return container == nullptr ? kNone : container->image;
}

std::string Seconds(std::chrono::milliseconds time) {
  return time.count() < 1000 ? fmt::format("{}ms", time.count())
                             : fmt::format("{}.{:03}s", time.count() / 1000, time.count() % 1000);
}

Events OfImage(const std::string& image, const std::string& reason, const std::string& message) {
  const Event why{true, "Failed", "Error: " + reason};
  if (reason == "InvalidImageName")
    return {{true, "InspectFailed",
             fmt::format("Failed to apply default image tag \"{}\": {}", image, message)},
            why};
  if (reason == "ImageInspectError")
    return {
        {true, "InspectFailed", fmt::format("Failed to inspect image \"{}\": {}", image, message)},
        why};
  if (reason == "ErrImageNeverPull") return {{true, "ErrImageNeverPull", message}, why};
  return {{true, "Failed", fmt::format("Failed to pull image \"{}\": {}", image, message)}, why};
}

}  // namespace

Events EventsOfSuccess(const sync::Action& action, const Outcome& outcome, const kube::Pod& pod) {
  if (const auto* image = std::get_if<sync::EnsureImage>(&action)) {
    const std::string& name = ImageOf(pod, image->container);
    if (!outcome.pulled)
      return {{false, "Pulled",
               fmt::format("Container image \"{}\" already present on machine", name)}};
    return {
        {false, "Pulled",
         fmt::format(
             "Successfully pulled image \"{}\" in {} ({} including waiting). Image size: {} bytes.",
             name, Seconds(outcome.pull_time), Seconds(outcome.pull_and_wait_time),
             outcome.image_bytes)}};
  }
  if (const auto* start = std::get_if<sync::StartContainer>(&action)) {
    return {{false, "Created", "Created container: " + start->container},
            {false, "Started", "Started container " + start->container}};
  }
  if (std::holds_alternative<sync::CreateSandbox>(action)) {
    Events events;
    for (const std::string& note : outcome.dns_notes)
      events.push_back({true, "DNSConfigForming", note});
    // Only told to who asked for it: on a node without a cluster the default policy never finds
    // one.
    if (outcome.cluster_dns_missing && pod.object.At({"spec", "dnsPolicy"}).IsString()) {
      events.push_back({true, "MissingClusterDNS",
                        fmt::format("pod: \"{}({})\". kubelet does not have ClusterDNS IP "
                                    "configured and cannot create Pod using \"ClusterFirst\" "
                                    "policy. Falling back to \"Default\" policy.",
                                    pod::FullName(pod.metadata), pod.metadata.uid)});
    }
    return events;
  }
  return {};
}

Events EventsOfFailure(const sync::Action& action, const Outcome& outcome, const kube::Pod& pod) {
  const std::string& message = outcome.status.error().message();
  if (const auto* image = std::get_if<sync::EnsureImage>(&action))
    return OfImage(ImageOf(pod, image->container), outcome.reason, message);
  if (const auto* start = std::get_if<sync::StartContainer>(&action)) {
    Events events;
    if (!outcome.container_id.empty())
      events.push_back({false, "Created", "Created container: " + start->container});
    events.push_back(
        {true, "Failed", fmt::format("Error: container {}: {}", start->container, message)});
    return events;
  }
  if (std::holds_alternative<sync::CreateSandbox>(action))
    return {{true, "FailedCreatePodSandBox", "Failed to create pod sandbox: " + message}};
  if (std::holds_alternative<sync::PostStart>(action))
    return {{true, "FailedPostStartHook", "PostStartHook failed: " + message}};
  if (std::holds_alternative<sync::PreStop>(action))
    return {{true, "FailedPreStopHook", "PreStopHook failed: " + message}};
  if (std::holds_alternative<sync::KillContainer>(action) ||
      std::holds_alternative<sync::StopSandbox>(action)) {
    return {
        {true, "FailedKillPod", "error killing pod: " + sync::Describe(action) + ": " + message}};
  }
  const std::string reason = outcome.reason.empty() ? "FailedSync" : outcome.reason;
  if (reason == "FailedMount" && !outcome.volume_failures.empty()) {
    Events events;
    for (const volume::VolumeFailure& failure : outcome.volume_failures)
      events.push_back({true, reason, failure.error.message()});
    return events;
  }
  if (reason == "FailedMount") return {{true, reason, message}};
  return {{true, reason, "Error syncing pod: " + sync::Describe(action) + ": " + message}};
}

Event VolumesOverdue(std::vector<std::string> unmounted) {
  std::sort(unmounted.begin(), unmounted.end());
  return {true, "FailedMount",
          fmt::format("Unable to attach or mount volumes: unmounted volumes=[{}], unattached "
                      "volumes=[], failed to process volumes=[]: context deadline exceeded",
                      fmt::join(unmounted, " "))};
}

}  // namespace keelson::lifecycle
