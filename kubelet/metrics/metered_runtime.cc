// SPDX-License-Identifier: Apache-2.0
#include "kubelet/metrics/metered_runtime.h"

#include <type_traits>
#include <utility>

#include "kubelet/metrics/metrics.h"

namespace keelson::metrics {
namespace {

using base::Result;

class MeteredRuntime final : public cri_client::RuntimeClient {
 public:
  MeteredRuntime(std::unique_ptr<cri_client::RuntimeClient> runtime, meter::Registry& registry,
                 const base::Clock& clock)
      : runtime_(std::move(runtime)),
        clock_(clock),
        calls_(registry.Counters("kubelet_runtime_operations_total",
                                 "Calls of the runtime, by kind.", {"operation_type"})),
        errors_(registry.Counters("kubelet_runtime_operations_errors_total",
                                  "Calls of the runtime that failed, by kind.",
                                  {"operation_type"})),
        times_(registry.Histograms("kubelet_runtime_operations_duration_seconds",
                                   "How long calls of the runtime took, by kind.",
                                   {"operation_type"}, kSeconds)),
        sandbox_times_(registry.Histograms("kubelet_run_podsandbox_duration_seconds",
                                           "How long the runtime took for a pod's sandbox.",
                                           {"runtime_handler"}, kSeconds)),
        pull_times_(registry.Histograms("kubelet_image_pull_duration_seconds",
                                        "How long pulls took that succeeded.", {}, kPullSeconds)),
        pods_(registry.Counters("kubelet_started_pods_total", "Pods whose sandbox was made.")),
        pod_errors_(registry.Counters("kubelet_started_pods_errors_total",
                                      "Pods whose sandbox could not be made.")),
        containers_(
            registry.Counters("kubelet_started_containers_total", "Containers that began.")),
        container_errors_(registry.Counters("kubelet_started_containers_errors_total",
                                            "Containers that could not be created or begin.")) {
    for (meter::Family<meter::Counter>* family :
         {&pods_, &pod_errors_, &containers_, &container_errors_})
      (void)family->With({});  // shown before the first one
  }

  Result<cri::VersionResponse> Version() override {
    return Count("version", [&] { return runtime_->Version(); });
  }
  Result<cri::StatusResponse> Status() override {
    return Count("status", [&] { return runtime_->Status(); });
  }
  Result<cri::RuntimeConfigResponse> RuntimeConfig() override {
    return Count("runtime_config", [&] { return runtime_->RuntimeConfig(); });
  }
  base::Status UpdateRuntimeConfig(const std::string& pod_cidr) override {
    return Count("update_runtime_config", [&] { return runtime_->UpdateRuntimeConfig(pod_cidr); });
  }
  Result<std::string> RunPodSandbox(const cri::PodSandboxConfig& config,
                                    const std::string& handler) override {
    auto done = Count(
        "run_podsandbox", [&] { return runtime_->RunPodSandbox(config, handler); },
        [&](double seconds) { sandbox_times_.With({handler}).Observe(seconds); });
    (done.ok() ? pods_ : pod_errors_).With({}).Add();
    return done;
  }
  base::Status StopPodSandbox(const std::string& id) override {
    return Count("stop_podsandbox", [&] { return runtime_->StopPodSandbox(id); });
  }
  base::Status RemovePodSandbox(const std::string& id) override {
    return Count("remove_podsandbox", [&] { return runtime_->RemovePodSandbox(id); });
  }
  Result<cri::PodSandboxStatus> PodSandboxStatus(const std::string& id) override {
    return Count("podsandbox_status", [&] { return runtime_->PodSandboxStatus(id); });
  }
  Result<std::vector<cri::PodSandbox>> ListPodSandboxes() override {
    return Count("list_podsandbox", [&] { return runtime_->ListPodSandboxes(); });
  }
  Result<std::string> CreateContainer(const std::string& sandbox_id,
                                      const cri::ContainerConfig& config,
                                      const cri::PodSandboxConfig& sandbox_config) override {
    auto done = Count("create_container", [&] {
      return runtime_->CreateContainer(sandbox_id, config, sandbox_config);
    });
    if (!done.ok()) container_errors_.With({}).Add();
    return done;
  }
  base::Status StartContainer(const std::string& id) override {
    auto done = Count("start_container", [&] { return runtime_->StartContainer(id); });
    (done.ok() ? containers_ : container_errors_).With({}).Add();
    return done;
  }
  base::Status StopContainer(const std::string& id, std::chrono::seconds grace) override {
    return Count("stop_container", [&] { return runtime_->StopContainer(id, grace); });
  }
  base::Status RemoveContainer(const std::string& id) override {
    return Count("remove_container", [&] { return runtime_->RemoveContainer(id); });
  }
  Result<std::vector<cri::Container>> ListContainers() override {
    return Count("list_containers", [&] { return runtime_->ListContainers(); });
  }
  Result<cri::ContainerStatus> ContainerStatus(const std::string& id) override {
    return Count("container_status", [&] { return runtime_->ContainerStatus(id); });
  }
  base::Status ReopenContainerLog(const std::string& id) override {
    return Count("reopen_container_log", [&] { return runtime_->ReopenContainerLog(id); });
  }
  Result<cri::ExecSyncResponse> ExecSync(const std::string& id,
                                         const std::vector<std::string>& command,
                                         std::chrono::seconds timeout) override {
    return Count("exec_sync", [&] { return runtime_->ExecSync(id, command, timeout); });
  }
  Result<std::string> Exec(const cri::ExecRequest& request) override {
    return Count("exec", [&] { return runtime_->Exec(request); });
  }
  Result<std::string> Attach(const cri::AttachRequest& request) override {
    return Count("attach", [&] { return runtime_->Attach(request); });
  }
  Result<std::string> PortForward(const cri::PortForwardRequest& request) override {
    return Count("port_forward", [&] { return runtime_->PortForward(request); });
  }
  Result<std::vector<cri::PodSandboxStats>> ListPodSandboxStats() override {
    return Count("list_podsandbox_stats", [&] { return runtime_->ListPodSandboxStats(); });
  }
  Result<std::vector<cri::MetricDescriptor>> ListMetricDescriptors() override {
    return Count("list_metric_descriptors", [&] { return runtime_->ListMetricDescriptors(); });
  }
  Result<std::vector<cri::PodSandboxMetrics>> ListPodSandboxMetrics() override {
    return Count("list_podsandbox_metrics", [&] { return runtime_->ListPodSandboxMetrics(); });
  }
  base::Status CheckpointContainer(const std::string& id, const std::string& location,
                                   std::chrono::seconds timeout) override {
    return Count("checkpoint_container",
                 [&] { return runtime_->CheckpointContainer(id, location, timeout); });
  }
  Result<std::string> PullImage(const cri::ImageSpec& image, const cri::AuthConfig* auth,
                                const cri::PodSandboxConfig& sandbox_config,
                                std::stop_token stop) override {
    return Count(
        "pull_image",
        [&] { return runtime_->PullImage(image, auth, sandbox_config, std::move(stop)); },
        [&](double seconds) { pull_times_.With({}).Observe(seconds); });
  }
  Result<cri::ImageStatusResponse> ImageStatus(const std::string& reference) override {
    return Count("image_status", [&] { return runtime_->ImageStatus(reference); });
  }
  Result<std::vector<cri::Image>> ListImages() override {
    return Count("list_images", [&] { return runtime_->ListImages(); });
  }
  base::Status RemoveImage(const std::string& reference) override {
    return Count("remove_image", [&] { return runtime_->RemoveImage(reference); });
  }
  Result<cri::ImageFsInfoResponse> ImageFsInfo() override {
    return Count("image_fs_info", [&] { return runtime_->ImageFsInfo(); });
  }
  base::Status WatchEvents(
      std::stop_token stop,
      const std::function<void(const cri::ContainerEventResponse&)>& on_event) override {
    return runtime_->WatchEvents(std::move(stop), on_event);  // lasts as long as the kubelet
  }

 private:
  template <typename Call>
  std::invoke_result_t<Call> Count(std::string_view kind, const Call& call) {
    return Count(kind, call, [](double) {});
  }
  // `succeeded` is told how many seconds it took. What an older runtime does not know is no
  // failure.
  template <typename Call, typename Succeeded>
  std::invoke_result_t<Call> Count(std::string_view kind, const Call& call,
                                   const Succeeded& succeeded) {
    const base::SteadyTime begin = clock_.Steady();
    std::invoke_result_t<Call> done = call();
    const double seconds = std::chrono::duration<double>(clock_.Steady() - begin).count();
    calls_.With({kind}).Add();
    times_.With({kind}).Observe(seconds);
    if (done.ok())
      succeeded(seconds);
    else if (done.error().code() != base::Code::kUnimplemented)
      errors_.With({kind}).Add();
    return done;
  }

  const std::unique_ptr<cri_client::RuntimeClient> runtime_;
  const base::Clock& clock_;
  meter::Family<meter::Counter>&calls_, &errors_;
  meter::Family<meter::Histogram>&times_, &sandbox_times_, &pull_times_;
  meter::Family<meter::Counter>&pods_, &pod_errors_, &containers_, &container_errors_;
};

}  // namespace

std::unique_ptr<cri_client::RuntimeClient> Metered(
    std::unique_ptr<cri_client::RuntimeClient> runtime, meter::Registry& registry,
    const base::Clock& clock) {
  return std::make_unique<MeteredRuntime>(std::move(runtime), registry, clock);
}

}  // namespace keelson::metrics
