// SPDX-License-Identifier: Apache-2.0
// The CRI as the kubelet calls it: any CRI v1 runtime behind a unix socket, or the fake beside this
// header. Calls block up to a deadline (the runtime request timeout, 2 minutes, but where noted)
// and are made from worker threads; thread-safe. Errors carry the runtime's code and text. Messages
// are CRI's own (Kubernetes CRI API v1).
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "cri-api/calls.pb.h"
#include "cri-api/container.pb.h"
#include "cri-api/cri.h"
#include "cri-api/image.pb.h"
#include "cri-api/metrics.pb.h"
#include "cri-api/sandbox.pb.h"
#include "cri-api/stats.pb.h"
#include "lib/base/result.h"

namespace keelson::cri_client {

class RuntimeClient {
 public:
  virtual ~RuntimeClient() = default;
  virtual base::Result<cri::VersionResponse> Version() = 0;
  virtual base::Result<cri::StatusResponse> Status() = 0;
  // Unimplemented from older runtimes.
  virtual base::Result<cri::RuntimeConfigResponse> RuntimeConfig() = 0;
  virtual base::Status UpdateRuntimeConfig(const std::string& pod_cidr) = 0;

  virtual base::Result<std::string> RunPodSandbox(const cri::PodSandboxConfig& config,
                                                  const std::string& handler) = 0;
  virtual base::Status StopPodSandbox(const std::string& id) = 0;
  virtual base::Status RemovePodSandbox(const std::string& id) = 0;
  virtual base::Result<cri::PodSandboxStatus> PodSandboxStatus(const std::string& id) = 0;
  virtual base::Result<std::vector<cri::PodSandbox>> ListPodSandboxes() = 0;

  virtual base::Result<std::string> CreateContainer(
      const std::string& sandbox_id, const cri::ContainerConfig& config,
      const cri::PodSandboxConfig& sandbox_config) = 0;
  virtual base::Status StartContainer(const std::string& id) = 0;
  virtual base::Status StopContainer(
      const std::string& id, std::chrono::seconds grace) = 0;  // deadline: grace + the usual
  virtual base::Status RemoveContainer(const std::string& id) = 0;
  virtual base::Result<std::vector<cri::Container>> ListContainers() = 0;
  virtual base::Result<cri::ContainerStatus> ContainerStatus(const std::string& id) = 0;
  virtual base::Status ReopenContainerLog(const std::string& id) = 0;
  virtual base::Result<cri::ExecSyncResponse> ExecSync(const std::string& id,
                                                       const std::vector<std::string>& command,
                                                       std::chrono::seconds timeout) = 0;
  // Where a session of the runtime's streaming server is to be had, once.
  virtual base::Result<std::string> Exec(const cri::ExecRequest& request) = 0;
  virtual base::Result<std::string> Attach(const cri::AttachRequest& request) = 0;
  virtual base::Result<std::string> PortForward(const cri::PortForwardRequest& request) = 0;
  // With their containers. Unimplemented from older runtimes.
  virtual base::Result<std::vector<cri::PodSandboxStats>> ListPodSandboxStats() = 0;
  // What ListPodSandboxMetrics tells by name: help and names of labels. Both unimplemented from
  // older runtimes.
  virtual base::Result<std::vector<cri::MetricDescriptor>> ListMetricDescriptors() = 0;
  virtual base::Result<std::vector<cri::PodSandboxMetrics>> ListPodSandboxMetrics() = 0;
  // Into a tar file at `location`. Unimplemented by most runtimes.
  virtual base::Status CheckpointContainer(const std::string& id, const std::string& location,
                                           std::chrono::seconds timeout) = 0;

  // Returns the image's reference as the runtime knows it. Ends early when `stop` is asked for; no
  // deadline of its own.
  virtual base::Result<std::string> PullImage(const cri::ImageSpec& image,
                                              const cri::AuthConfig* auth,
                                              const cri::PodSandboxConfig& sandbox_config,
                                              std::stop_token stop) = 0;
  virtual base::Result<cri::ImageStatusResponse> ImageStatus(
      const std::string& reference) = 0;  // without an image: not there
  virtual base::Result<std::vector<cri::Image>> ListImages() = 0;
  virtual base::Status RemoveImage(const std::string& reference) = 0;
  virtual base::Result<cri::ImageFsInfoResponse> ImageFsInfo() = 0;

  // Calls `on_event` for each until the stream ends or `stop` is asked for. Unimplemented: this
  // runtime has no events.
  virtual base::Status WatchEvents(
      std::stop_token stop,
      const std::function<void(const cri::ContainerEventResponse&)>& on_event) = 0;
};

// "unix:///run/keelson/cri.sock" or a path. Does not connect yet.
std::unique_ptr<RuntimeClient> ConnectRuntime(const std::string& endpoint);

}  // namespace keelson::cri_client
