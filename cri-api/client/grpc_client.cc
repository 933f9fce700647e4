// SPDX-License-Identifier: Apache-2.0
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include "cri-api/client/runtime_client.h"
#include "cri-api/service.grpc.pb.h"
#include "lib/rpc/channel.h"
#include "lib/rpc/status.h"

namespace keelson::cri_client {
namespace {

constexpr std::chrono::seconds kRequestTimeout{120};

template <typename Field>
auto ToVector(Field&& field) {
  return std::vector<std::decay_t<decltype(*field.begin())>>(std::make_move_iterator(field.begin()),
                                                             std::make_move_iterator(field.end()));
}

class GrpcClient final : public RuntimeClient {
 public:
  explicit GrpcClient(const std::string& endpoint)
      : channel_(rpc::ConnectUnix(endpoint)),
        runtime_(cri::RuntimeService::NewStub(channel_)),
        images_(cri::ImageService::NewStub(channel_)) {}

  base::Result<cri::VersionResponse> Version() override {
    return Call(*runtime_, &cri::RuntimeService::Stub::Version, cri::VersionRequest());
  }
  base::Result<cri::StatusResponse> Status() override {
    return Call(*runtime_, &cri::RuntimeService::Stub::Status, cri::StatusRequest());
  }
  base::Result<cri::RuntimeConfigResponse> RuntimeConfig() override {
    return Call(*runtime_, &cri::RuntimeService::Stub::RuntimeConfig, cri::RuntimeConfigRequest());
  }
  base::Status UpdateRuntimeConfig(const std::string& pod_cidr) override {
    cri::UpdateRuntimeConfigRequest request;
    request.mutable_runtime_config()->mutable_network_config()->set_pod_cidr(pod_cidr);
    return Do(*runtime_, &cri::RuntimeService::Stub::UpdateRuntimeConfig, request);
  }

  base::Result<std::string> RunPodSandbox(const cri::PodSandboxConfig& config,
                                          const std::string& handler) override {
    cri::RunPodSandboxRequest request;
    *request.mutable_config() = config;
    request.set_runtime_handler(handler);
    ASSIGN_OR_RETURN(const cri::RunPodSandboxResponse response,
                     Call(*runtime_, &cri::RuntimeService::Stub::RunPodSandbox, request));
    return response.pod_sandbox_id();
  }
  base::Status StopPodSandbox(const std::string& id) override {
    cri::StopPodSandboxRequest request;
    request.set_pod_sandbox_id(id);
    return Do(*runtime_, &cri::RuntimeService::Stub::StopPodSandbox, request);
  }
  base::Status RemovePodSandbox(const std::string& id) override {
    cri::RemovePodSandboxRequest request;
    request.set_pod_sandbox_id(id);
    return Do(*runtime_, &cri::RuntimeService::Stub::RemovePodSandbox, request);
  }
  base::Result<cri::PodSandboxStatus> PodSandboxStatus(const std::string& id) override {
    cri::PodSandboxStatusRequest request;
    request.set_pod_sandbox_id(id);
    ASSIGN_OR_RETURN(cri::PodSandboxStatusResponse response,
                     Call(*runtime_, &cri::RuntimeService::Stub::PodSandboxStatus, request));
    return std::move(*response.mutable_status());
  }
  base::Result<std::vector<cri::PodSandbox>> ListPodSandboxes() override {
    ASSIGN_OR_RETURN(
        cri::ListPodSandboxResponse response,
        Call(*runtime_, &cri::RuntimeService::Stub::ListPodSandbox, cri::ListPodSandboxRequest()));
    return ToVector(std::move(*response.mutable_items()));
  }

  base::Result<std::string> CreateContainer(const std::string& sandbox_id,
                                            const cri::ContainerConfig& config,
                                            const cri::PodSandboxConfig& sandbox_config) override {
    cri::CreateContainerRequest request;
    request.set_pod_sandbox_id(sandbox_id);
    *request.mutable_config() = config;
    *request.mutable_sandbox_config() = sandbox_config;
    ASSIGN_OR_RETURN(const cri::CreateContainerResponse response,
                     Call(*runtime_, &cri::RuntimeService::Stub::CreateContainer, request));
    return response.container_id();
  }
  base::Status StartContainer(const std::string& id) override {
    cri::StartContainerRequest request;
    request.set_container_id(id);
    return Do(*runtime_, &cri::RuntimeService::Stub::StartContainer, request);
  }
  base::Status StopContainer(const std::string& id, std::chrono::seconds grace) override {
    cri::StopContainerRequest request;
    request.set_container_id(id);
    request.set_timeout(grace.count());
    return Do(*runtime_, &cri::RuntimeService::Stub::StopContainer, request,
              kRequestTimeout + grace);
  }
  base::Status RemoveContainer(const std::string& id) override {
    cri::RemoveContainerRequest request;
    request.set_container_id(id);
    return Do(*runtime_, &cri::RuntimeService::Stub::RemoveContainer, request);
  }
  base::Result<std::vector<cri::Container>> ListContainers() override {
    ASSIGN_OR_RETURN(
        cri::ListContainersResponse response,
        Call(*runtime_, &cri::RuntimeService::Stub::ListContainers, cri::ListContainersRequest()));
    return ToVector(std::move(*response.mutable_containers()));
  }
  base::Result<cri::ContainerStatus> ContainerStatus(const std::string& id) override {
    cri::ContainerStatusRequest request;
    request.set_container_id(id);
    ASSIGN_OR_RETURN(cri::ContainerStatusResponse response,
                     Call(*runtime_, &cri::RuntimeService::Stub::ContainerStatus, request));
    return std::move(*response.mutable_status());
  }
  base::Status ReopenContainerLog(const std::string& id) override {
    cri::ReopenContainerLogRequest request;
    request.set_container_id(id);
    return Do(*runtime_, &cri::RuntimeService::Stub::ReopenContainerLog, request);
  }
  base::Result<cri::ExecSyncResponse> ExecSync(const std::string& id,
                                               const std::vector<std::string>& command,
                                               std::chrono::seconds timeout) override {
    cri::ExecSyncRequest request;
    request.set_container_id(id);
    for (const std::string& word : command) request.add_cmd(word);
    request.set_timeout(timeout.count());
    return Call(*runtime_, &cri::RuntimeService::Stub::ExecSync, request,
                kRequestTimeout + timeout);
  }

  base::Result<std::string> Exec(const cri::ExecRequest& request) override {
    ASSIGN_OR_RETURN(const cri::ExecResponse response,
                     Call(*runtime_, &cri::RuntimeService::Stub::Exec, request));
    return response.url();
  }
  base::Result<std::string> Attach(const cri::AttachRequest& request) override {
    ASSIGN_OR_RETURN(const cri::AttachResponse response,
                     Call(*runtime_, &cri::RuntimeService::Stub::Attach, request));
    return response.url();
  }
  base::Result<std::string> PortForward(const cri::PortForwardRequest& request) override {
    ASSIGN_OR_RETURN(const cri::PortForwardResponse response,
                     Call(*runtime_, &cri::RuntimeService::Stub::PortForward, request));
    return response.url();
  }
  base::Result<std::vector<cri::PodSandboxStats>> ListPodSandboxStats() override {
    ASSIGN_OR_RETURN(cri::ListPodSandboxStatsResponse response,
                     Call(*runtime_, &cri::RuntimeService::Stub::ListPodSandboxStats,
                          cri::ListPodSandboxStatsRequest()));
    return ToVector(std::move(*response.mutable_stats()));
  }
  base::Result<std::vector<cri::MetricDescriptor>> ListMetricDescriptors() override {
    ASSIGN_OR_RETURN(cri::ListMetricDescriptorsResponse response,
                     Call(*runtime_, &cri::RuntimeService::Stub::ListMetricDescriptors,
                          cri::ListMetricDescriptorsRequest()));
    return ToVector(std::move(*response.mutable_descriptors()));
  }
  base::Result<std::vector<cri::PodSandboxMetrics>> ListPodSandboxMetrics() override {
    ASSIGN_OR_RETURN(cri::ListPodSandboxMetricsResponse response,
                     Call(*runtime_, &cri::RuntimeService::Stub::ListPodSandboxMetrics,
                          cri::ListPodSandboxMetricsRequest()));
    return ToVector(std::move(*response.mutable_pod_metrics()));
  }
  base::Status CheckpointContainer(const std::string& id, const std::string& location,
                                   std::chrono::seconds timeout) override {
    cri::CheckpointContainerRequest request;
    request.set_container_id(id);
    request.set_location(location);
    request.set_timeout(timeout.count());
    return Do(*runtime_, &cri::RuntimeService::Stub::CheckpointContainer, request,
              kRequestTimeout + timeout);
  }

  base::Result<std::string> PullImage(const cri::ImageSpec& image, const cri::AuthConfig* auth,
                                      const cri::PodSandboxConfig& sandbox_config,
                                      std::stop_token stop) override {
    cri::PullImageRequest request;
    *request.mutable_image() = image;
    if (auth != nullptr) *request.mutable_auth() = *auth;
    *request.mutable_sandbox_config() = sandbox_config;
    grpc::ClientContext context;
    const std::stop_callback cancel(stop, [&context] { context.TryCancel(); });
    rpc::AwaitConnection(*channel_);
    cri::PullImageResponse response;
    if (const grpc::Status status = images_->PullImage(&context, request, &response); !status.ok())
      return rpc::FromGrpc(status);
    return response.image_ref();
  }
  base::Result<cri::ImageStatusResponse> ImageStatus(const std::string& reference) override {
    cri::ImageStatusRequest request;
    request.mutable_image()->set_image(reference);
    return Call(*images_, &cri::ImageService::Stub::ImageStatus, request);
  }
  base::Result<std::vector<cri::Image>> ListImages() override {
    ASSIGN_OR_RETURN(
        cri::ListImagesResponse response,
        Call(*images_, &cri::ImageService::Stub::ListImages, cri::ListImagesRequest()));
    return ToVector(std::move(*response.mutable_images()));
  }
  base::Status RemoveImage(const std::string& reference) override {
    cri::RemoveImageRequest request;
    request.mutable_image()->set_image(reference);
    return Do(*images_, &cri::ImageService::Stub::RemoveImage, request);
  }
  base::Result<cri::ImageFsInfoResponse> ImageFsInfo() override {
    return Call(*images_, &cri::ImageService::Stub::ImageFsInfo, cri::ImageFsInfoRequest());
  }

  base::Status WatchEvents(
      std::stop_token stop,
      const std::function<void(const cri::ContainerEventResponse&)>& on_event) override {
    grpc::ClientContext context;
    const std::stop_callback cancel(stop, [&context] { context.TryCancel(); });
    rpc::AwaitConnection(*channel_);
    const std::unique_ptr<grpc::ClientReader<cri::ContainerEventResponse>> reader =
        runtime_->GetContainerEvents(&context, cri::GetEventsRequest());
    cri::ContainerEventResponse event;
    while (reader->Read(&event)) on_event(event);
    const grpc::Status status = reader->Finish();
    if (status.ok() || stop.stop_requested()) return {};
    return rpc::FromGrpc(status);
  }

 private:
  template <typename Stub, typename Request, typename Response>
  base::Result<Response> Call(
      Stub& stub, grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
      const Request& request, std::chrono::seconds timeout = kRequestTimeout) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + timeout);
    rpc::AwaitConnection(*channel_);
    Response response;
    if (const grpc::Status status = (stub.*method)(&context, request, &response); !status.ok())
      return rpc::FromGrpc(status);
    return response;
  }
  template <typename Stub, typename Request, typename Response>
  base::Status Do(Stub& stub,
                  grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                  const Request& request, std::chrono::seconds timeout = kRequestTimeout) {
    RETURN_IF_ERROR(Call(stub, method, request, timeout));
    return {};
  }

  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<cri::RuntimeService::Stub> runtime_;
  const std::unique_ptr<cri::ImageService::Stub> images_;
};

}  // namespace

std::unique_ptr<RuntimeClient> ConnectRuntime(const std::string& endpoint) {
  return std::make_unique<GrpcClient>(endpoint);
}

}  // namespace keelson::cri_client
