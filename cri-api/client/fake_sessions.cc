// SPDX-License-Identifier: Apache-2.0
// The fake's streaming sessions and figures.
#include <fmt/format.h>

#include "cri-api/client/fake_runtime.h"

namespace keelson::cri_client {

void FakeRuntime::SetStreamingUrl(const std::string& url) {
  const Lock lock(mutex_);
  streaming_url_ = url;
}

void FakeRuntime::SetStats(std::vector<cri::PodSandboxStats> stats) {
  const Lock lock(mutex_);
  stats_ = std::move(stats);
}

base::Result<std::string> FakeRuntime::Exec(const cri::ExecRequest& request) {
  Lock lock(mutex_);
  RETURN_IF_ERROR(Enter(lock, "Exec", request.container_id()));
  const auto found = containers_.find(request.container_id());
  if (found == containers_.end())
    return base::NotFound("container '{}' is not there", request.container_id());
  if (found->second.status.state() != cri::CONTAINER_RUNNING)
    return base::FailedPrecondition("container '{}' does not run", request.container_id());
  std::string words;
  for (const std::string& word : request.cmd()) words += (words.empty() ? "" : "+") + word;
  return fmt::format("{}/exec/{}/{}", streaming_url_, request.container_id(), words);
}

base::Result<std::string> FakeRuntime::Attach(const cri::AttachRequest& request) {
  Lock lock(mutex_);
  RETURN_IF_ERROR(Enter(lock, "Attach", request.container_id()));
  if (containers_.count(request.container_id()) == 0)
    return base::NotFound("container '{}' is not there", request.container_id());
  return fmt::format("{}/attach/{}", streaming_url_, request.container_id());
}

base::Result<std::string> FakeRuntime::PortForward(const cri::PortForwardRequest& request) {
  Lock lock(mutex_);
  RETURN_IF_ERROR(Enter(lock, "PortForward", request.pod_sandbox_id()));
  if (sandboxes_.count(request.pod_sandbox_id()) == 0)
    return base::NotFound("pod '{}' is not there", request.pod_sandbox_id());
  return fmt::format("{}/portforward/{}", streaming_url_, request.pod_sandbox_id());
}

base::Result<std::vector<cri::PodSandboxStats>> FakeRuntime::ListPodSandboxStats() {
  Lock lock(mutex_);
  RETURN_IF_ERROR(Enter(lock, "ListPodSandboxStats", ""));
  return stats_;
}

base::Result<std::vector<cri::MetricDescriptor>> FakeRuntime::ListMetricDescriptors() {
  Lock lock(mutex_);
  RETURN_IF_ERROR(Enter(lock, "ListMetricDescriptors", ""));
  return std::vector<cri::MetricDescriptor>();
}

base::Result<std::vector<cri::PodSandboxMetrics>> FakeRuntime::ListPodSandboxMetrics() {
  Lock lock(mutex_);
  RETURN_IF_ERROR(Enter(lock, "ListPodSandboxMetrics", ""));
  return std::vector<cri::PodSandboxMetrics>();
}

// As the real one.
base::Status FakeRuntime::CheckpointContainer(const std::string& id, const std::string&,
                                              std::chrono::seconds) {
  Lock lock(mutex_);
  RETURN_IF_ERROR(Enter(lock, "CheckpointContainer", id));
  return base::Unimplemented("CheckpointContainer");
}

}  // namespace keelson::cri_client
