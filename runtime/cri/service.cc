// SPDX-License-Identifier: Apache-2.0
#include "runtime/cri/service.h"

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <deque>
#include <mutex>
#include <set>
#include <stop_token>

#include "cri-api/cri.h"
#include "cri-api/service.grpc.pb.h"
#include "lib/base/strings.h"
#include "lib/rpc/channel.h"
#include "lib/rpc/status.h"
#include "runtime/cri/convert.h"
#include "runtime/cri/inspect.h"

namespace keelson::cri_server {

using base::Result;
using base::Status;
using Context = grpc::CallbackServerContext;
using Reactor = grpc::ServerUnaryReactor;

namespace {

constexpr size_t kMaxWaitingEvents = 1000;

Reactor* Answer(Context* context, const grpc::Status& status) {
  Reactor* reactor = context->DefaultReactor();
  reactor->Finish(status);
  return reactor;
}

// Runs where it may block and finishes the call from there.
template <typename Work>
Reactor* Run(async::Executor& executor, Context* context, Work work) {
  Reactor* reactor = context->DefaultReactor();
  executor.Post([reactor, work = std::move(work)] { reactor->Finish(rpc::ToGrpc(work())); });
  return reactor;
}

cri::ContainerStatus FullStatus(const Runtime& runtime, const ContainerView& view) {
  cri::ContainerStatus status = ToStatus(view);
  const Result<SandboxView> sandbox = runtime.GetSandbox(view.record.sandbox_id);
  if (sandbox.ok() && !view.config.log_path().empty() && !sandbox->config.log_directory().empty()) {
    status.set_log_path(sandbox->config.log_directory() + "/" + view.config.log_path());
  }
  return status;
}

// One client's stream of events. A client too slow for its bounded queue is cut off and lists anew;
// nothing is dropped silently.
class EventStream final : public grpc::ServerWriteReactor<cri::ContainerEventResponse> {
 public:
  EventStream(Context* context, std::function<void(EventStream*)> gone)
      : context_(context), gone_(std::move(gone)) {
    StartSendInitialMetadata();  // tells the client that it misses nothing from now on
  }
  void Push(const std::shared_ptr<const cri::ContainerEventResponse>& event) {
    const std::lock_guard lock(mutex_);
    if (finished_) return;
    if (queue_.size() >= kMaxWaitingEvents) {
      finished_ = true;
      Finish(grpc::Status(grpc::RESOURCE_EXHAUSTED,
                          "the client reads events too slowly: list and subscribe anew"));
      return;
    }
    queue_.push_back(event);
    if (queue_.size() == 1) StartWrite(queue_.front().get());
  }
  // The server stops: an event that the client does not take is not waited for.
  void Stop() {
    const std::lock_guard lock(mutex_);
    if (finished_) return;
    if (!queue_.empty()) context_->TryCancel();
    finished_ = true;
    Finish(grpc::Status(grpc::UNAVAILABLE, "the runtime is stopping"));
  }
  void OnWriteDone(bool ok) override {
    const std::lock_guard lock(mutex_);
    queue_.pop_front();
    if (finished_) return;
    if (!ok) {
      finished_ = true;
      Finish(grpc::Status::OK);
    } else if (!queue_.empty()) {
      StartWrite(queue_.front().get());
    }
  }
  void OnCancel() override {
    const std::lock_guard lock(mutex_);
    if (finished_) return;
    finished_ = true;
    Finish(grpc::Status::CANCELLED);
  }
  void OnDone() override {
    gone_(this);
    delete this;
  }

 private:
  Context* const context_;  // lives until OnDone
  const std::function<void(EventStream*)> gone_;
  std::mutex mutex_;
  std::deque<std::shared_ptr<const cri::ContainerEventResponse>> queue_;  // guarded by mutex_
  bool finished_ = false;                                                 // guarded by mutex_
};

// A pull, which has no deadline: a client that goes away no longer wants it.
class PullCall final : public Reactor {
 public:
  explicit PullCall(std::function<void(PullCall*)> gone) : gone_(std::move(gone)) {}
  std::stop_token token() const { return stop_.get_token(); }
  void Stop() { stop_.request_stop(); }
  void OnCancel() override { Stop(); }
  void OnDone() override {
    gone_(this);
    delete this;
  }

 private:
  const std::function<void(PullCall*)> gone_;
  std::stop_source stop_;
};

// The calls that last, so that the server can end them when it stops. Any thread.
template <typename Call>
class LastingCalls {
 public:
  LastingCalls() = default;
  // After the server's end, which waits for every call; the lock lets the last of them leave its
  // erase().
  ~LastingCalls() { const std::lock_guard lock(mutex_); }
  LastingCalls(const LastingCalls&) = delete;
  LastingCalls& operator=(const LastingCalls&) = delete;
  template <typename... Arguments>
  Call* Add(Arguments... arguments) {
    auto* call = new Call(arguments..., [this](Call* gone) {
      const std::lock_guard lock(mutex_);
      calls_.erase(gone);
    });
    const std::lock_guard lock(mutex_);
    calls_.insert(call);
    if (stopping_) call->Stop();
    return call;
  }
  bool Empty() {
    const std::lock_guard lock(mutex_);
    return calls_.empty();
  }
  template <typename Visitor>
  void ForEach(Visitor visit) {
    const std::lock_guard lock(mutex_);
    for (Call* call : calls_) visit(call);
  }
  void Stop() {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (Call* call : calls_) call->Stop();
  }

 private:
  std::mutex mutex_;
  std::set<Call*> calls_;  // guarded by mutex_
  bool stopping_ = false;  // guarded by mutex_
};

#define KEELSON_NOT_YET(Method, Request, Response)                                          \
  Reactor* Method(Context* context, const cri::Request*, cri::Response*) override {         \
    return Answer(context, grpc::Status(grpc::UNIMPLEMENTED, #Method " is not there yet")); \
  }

class RuntimeServer final : public cri::RuntimeService::CallbackService {
 public:
  RuntimeServer(Runtime& runtime, base::Clock& clock, async::Executor& executor,
                async::Executor& execs)
      : runtime_(runtime), clock_(clock), executor_(executor), execs_(execs) {
    runtime_.SetEventHandler([this](Runtime::Event event, const std::string& id,
                                    const SandboxView& sandbox) { OnEvent(event, id, sandbox); });
  }
  ~RuntimeServer() override { runtime_.SetEventHandler(nullptr); }
  void EndStreams() { streams_.Stop(); }

  Reactor* Version(Context* context, const cri::VersionRequest*,
                   cri::VersionResponse* response) override {
    response->set_version("0.1.0");
    response->set_runtime_name("keelson");
    response->set_runtime_version(KEELSON_VERSION);
    response->set_runtime_api_version("v1");
    return Answer(context, grpc::Status::OK);
  }
  Reactor* Status(Context* context, const cri::StatusRequest* request,
                  cri::StatusResponse* response) override {
    // Asking the network may make its bridge anew: not on this thread.
    return Run(executor_, context, [this, request, response]() -> base::Status {
      if (request->verbose()) (*response->mutable_info())["info"] = runtime_.Describe();
      cri::RuntimeCondition& ready = *response->mutable_status()->add_conditions();
      ready.set_type("RuntimeReady");
      ready.set_status(true);
      cri::RuntimeCondition& network = *response->mutable_status()->add_conditions();
      network.set_type("NetworkReady");
      const base::Status state = runtime_.NetworkReady();
      network.set_status(state.ok());
      if (!state.ok()) {
        network.set_reason("NetworkNotReady");
        network.set_message(state.error().message());
      }
      for (const char* name : {"", "keelson"}) {
        cri::RuntimeHandler& handler = *response->add_runtime_handlers();
        handler.set_name(name);
        handler.mutable_features()->set_recursive_read_only_mounts(true);
      }
      response->mutable_features()->set_supplemental_groups_policy(true);
      response->mutable_features()->set_mount_options(true);
      return {};
    });
  }
  Reactor* RuntimeConfig(Context* context, const cri::RuntimeConfigRequest*,
                         cri::RuntimeConfigResponse* response) override {
    response->mutable_linux()->set_cgroup_driver(cri::CGROUPFS);
    return Answer(context, grpc::Status::OK);
  }
  // The pod subnet is this daemon's own configuration; kubelets tell theirs in any case.
  Reactor* UpdateRuntimeConfig(Context* context, const cri::UpdateRuntimeConfigRequest*,
                               cri::UpdateRuntimeConfigResponse*) override {
    return Answer(context, grpc::Status::OK);
  }

  Reactor* RunPodSandbox(Context* context, const cri::RunPodSandboxRequest* request,
                         cri::RunPodSandboxResponse* response) override {
    return Run(executor_, context, [this, request, response]() -> base::Status {
      ASSIGN_OR_RETURN(*response->mutable_pod_sandbox_id(),
                       runtime_.RunPodSandbox(request->config(), request->runtime_handler()));
      return {};
    });
  }
  Reactor* StopPodSandbox(Context* context, const cri::StopPodSandboxRequest* request,
                          cri::StopPodSandboxResponse*) override {
    return Run(executor_, context,
               [this, request] { return runtime_.StopPodSandbox(request->pod_sandbox_id()); });
  }
  Reactor* RemovePodSandbox(Context* context, const cri::RemovePodSandboxRequest* request,
                            cri::RemovePodSandboxResponse*) override {
    return Run(executor_, context,
               [this, request] { return runtime_.RemovePodSandbox(request->pod_sandbox_id()); });
  }
  Reactor* PodSandboxStatus(Context* context, const cri::PodSandboxStatusRequest* request,
                            cri::PodSandboxStatusResponse* response) override {
    const Result<SandboxView> view = runtime_.GetSandbox(request->pod_sandbox_id());
    if (!view.ok()) return Answer(context, rpc::ToGrpc(view.error()));
    *response->mutable_status() = ToStatus(*view);
    response->set_timestamp(clock_.WallNanos());
    for (const ContainerView& container : runtime_.ListContainers(view->record.id))
      *response->add_containers_statuses() = FullStatus(runtime_, container);
    if (request->verbose()) (*response->mutable_info())["info"] = Inspect(*view);
    return Answer(context, grpc::Status::OK);
  }
  Reactor* ListPodSandbox(Context* context, const cri::ListPodSandboxRequest* request,
                          cri::ListPodSandboxResponse* response) override {
    for (const SandboxView& view : runtime_.ListSandboxes()) {
      if (Matches(request->filter(), view)) *response->add_items() = ToListItem(view);
    }
    return Answer(context, grpc::Status::OK);
  }

  Reactor* CreateContainer(Context* context, const cri::CreateContainerRequest* request,
                           cri::CreateContainerResponse* response) override {
    return Run(executor_, context, [this, request, response]() -> base::Status {
      ASSIGN_OR_RETURN(*response->mutable_container_id(),
                       runtime_.CreateContainer(request->pod_sandbox_id(), request->config()));
      return {};
    });
  }
  Reactor* StartContainer(Context* context, const cri::StartContainerRequest* request,
                          cri::StartContainerResponse*) override {
    return Run(executor_, context,
               [this, request] { return runtime_.StartContainer(request->container_id()); });
  }
  Reactor* StopContainer(Context* context, const cri::StopContainerRequest* request,
                         cri::StopContainerResponse*) override {
    const std::chrono::seconds timeout(std::max<int64_t>(0, request->timeout()));
    return Run(executor_, context, [this, request, timeout] {
      return runtime_.StopContainer(request->container_id(), timeout);
    });
  }
  Reactor* RemoveContainer(Context* context, const cri::RemoveContainerRequest* request,
                           cri::RemoveContainerResponse*) override {
    return Run(executor_, context,
               [this, request] { return runtime_.RemoveContainer(request->container_id()); });
  }
  Reactor* ListContainers(Context* context, const cri::ListContainersRequest* request,
                          cri::ListContainersResponse* response) override {
    for (const ContainerView& view : runtime_.ListContainers()) {
      if (Matches(request->filter(), view)) *response->add_containers() = ToListItem(view);
    }
    return Answer(context, grpc::Status::OK);
  }
  Reactor* ContainerStatus(Context* context, const cri::ContainerStatusRequest* request,
                           cri::ContainerStatusResponse* response) override {
    const Result<ContainerView> view = runtime_.GetContainer(request->container_id());
    if (!view.ok()) return Answer(context, rpc::ToGrpc(view.error()));
    *response->mutable_status() = FullStatus(runtime_, *view);
    if (request->verbose()) (*response->mutable_info())["info"] = Inspect(*view);
    return Answer(context, grpc::Status::OK);
  }
  Reactor* ExecSync(Context* context, const cri::ExecSyncRequest* request,
                    cri::ExecSyncResponse* response) override {
    return Run(execs_, context, [this, request, response]() -> base::Status {
      const std::vector<std::string> command(request->cmd().begin(), request->cmd().end());
      ASSIGN_OR_RETURN(
          ExecOutput output,
          runtime_.ExecSync(request->container_id(), command,
                            std::chrono::seconds(std::max<int64_t>(0, request->timeout()))));
      *response->mutable_stdout() = std::move(output.out);
      *response->mutable_stderr() = std::move(output.err);
      response->set_exit_code(output.exit_code);
      return {};
    });
  }
  Reactor* ReopenContainerLog(Context* context, const cri::ReopenContainerLogRequest* request,
                              cri::ReopenContainerLogResponse*) override {
    return Run(executor_, context,
               [this, request] { return runtime_.ReopenContainerLog(request->container_id()); });
  }
  grpc::ServerWriteReactor<cri::ContainerEventResponse>* GetContainerEvents(
      Context* context, const cri::GetEventsRequest*) override {
    return streams_.Add(context);
  }

  KEELSON_NOT_YET(UpdateContainerResources, UpdateContainerResourcesRequest,
                  UpdateContainerResourcesResponse)
  KEELSON_NOT_YET(Exec, ExecRequest, ExecResponse)
  KEELSON_NOT_YET(Attach, AttachRequest, AttachResponse)
  KEELSON_NOT_YET(PortForward, PortForwardRequest, PortForwardResponse)
  KEELSON_NOT_YET(ContainerStats, ContainerStatsRequest, ContainerStatsResponse)
  KEELSON_NOT_YET(ListContainerStats, ListContainerStatsRequest, ListContainerStatsResponse)
  KEELSON_NOT_YET(PodSandboxStats, PodSandboxStatsRequest, PodSandboxStatsResponse)
  KEELSON_NOT_YET(ListPodSandboxStats, ListPodSandboxStatsRequest, ListPodSandboxStatsResponse)
  KEELSON_NOT_YET(CheckpointContainer, CheckpointContainerRequest, CheckpointContainerResponse)
  KEELSON_NOT_YET(CheckpointPod, CheckpointPodRequest, CheckpointPodResponse)
  KEELSON_NOT_YET(RestorePod, RestorePodRequest, RestorePodResponse)
  KEELSON_NOT_YET(ListMetricDescriptors, ListMetricDescriptorsRequest,
                  ListMetricDescriptorsResponse)
  KEELSON_NOT_YET(ListPodSandboxMetrics, ListPodSandboxMetricsRequest,
                  ListPodSandboxMetricsResponse)
  KEELSON_NOT_YET(UpdatePodSandboxResources, UpdatePodSandboxResourcesRequest,
                  UpdatePodSandboxResourcesResponse)

#define KEELSON_STREAM_NOT_YET(Method, Request, Response)                                         \
  grpc::ServerWriteReactor<cri::Response>* Method(Context*, const cri::Request*) override {       \
    struct Refusal final : grpc::ServerWriteReactor<cri::Response> {                              \
      Refusal() { this->Finish(grpc::Status(grpc::UNIMPLEMENTED, #Method " is not there yet")); } \
      void OnDone() override { delete this; }                                                     \
    };                                                                                            \
    return new Refusal;                                                                           \
  }
  KEELSON_STREAM_NOT_YET(StreamPodSandboxes, StreamPodSandboxesRequest, StreamPodSandboxesResponse)
  KEELSON_STREAM_NOT_YET(StreamContainers, StreamContainersRequest, StreamContainersResponse)
  KEELSON_STREAM_NOT_YET(StreamContainerStats, StreamContainerStatsRequest,
                         StreamContainerStatsResponse)
  KEELSON_STREAM_NOT_YET(StreamPodSandboxStats, StreamPodSandboxStatsRequest,
                         StreamPodSandboxStatsResponse)
  KEELSON_STREAM_NOT_YET(StreamPodSandboxMetrics, StreamPodSandboxMetricsRequest,
                         StreamPodSandboxMetricsResponse)

 private:
  void OnEvent(Runtime::Event event, const std::string& id, const SandboxView& sandbox) {
    if (streams_.Empty()) return;
    const auto message = std::make_shared<cri::ContainerEventResponse>();
    message->set_container_id(id);
    message->set_container_event_type(static_cast<cri::ContainerEventType>(event));
    message->set_created_at(clock_.WallNanos());
    *message->mutable_pod_sandbox_status() = ToStatus(sandbox);
    for (const ContainerView& view : runtime_.ListContainers(sandbox.record.id))
      *message->add_containers_statuses() = FullStatus(runtime_, view);
    streams_.ForEach([&message](EventStream* stream) { stream->Push(message); });
  }

  Runtime& runtime_;
  base::Clock& clock_;
  async::Executor& executor_;
  async::Executor& execs_;  // of their own: commands may last, and stops must not wait for them
  LastingCalls<EventStream> streams_;
};

class ImageServer final : public cri::ImageService::CallbackService {
 public:
  ImageServer(image::ImageService& images, base::Clock& clock, async::Executor& executor)
      : images_(images), clock_(clock), executor_(executor) {}

  Reactor* ListImages(Context* context, const cri::ListImagesRequest* request,
                      cri::ListImagesResponse* response) override {
    if (const std::string& wanted = request->filter().image().image(); !wanted.empty()) {
      if (const std::optional<image::Image> found = images_.Find(wanted))
        *response->add_images() = ToImage(*found);
    } else {
      for (const image::Image& image : images_.List()) *response->add_images() = ToImage(image);
    }
    return Answer(context, grpc::Status::OK);
  }
  Reactor* ImageStatus(Context* context, const cri::ImageStatusRequest* request,
                       cri::ImageStatusResponse* response) override {
    const std::optional<image::Image> found = images_.Find(request->image().image());
    if (found) {
      *response->mutable_image() = ToImage(*found);
      if (request->verbose()) (*response->mutable_info())["config"] = found->raw_config;
    }
    return Answer(context, grpc::Status::OK);
  }
  void EndPulls() { pulls_.Stop(); }
  Reactor* PullImage(Context*, const cri::PullImageRequest* request,
                     cri::PullImageResponse* response) override {
    PullCall* const call = pulls_.Add();
    executor_.Post([this, request, response, call] {
      std::optional<image::Credentials> credentials;
      if (request->has_auth()) {
        const cri::AuthConfig& auth = request->auth();
        credentials = image::Credentials{auth.username(), auth.password(), auth.identity_token(),
                                         auth.registry_token()};
        if (credentials->username.empty() && !auth.auth().empty()) {
          const std::string pair = base::Base64Decode(auth.auth()).value_or("");
          const size_t colon = pair.find(':');
          if (colon != std::string::npos) {
            credentials->username = pair.substr(0, colon);
            credentials->password = pair.substr(colon + 1);
          }
        }
      }
      Result<std::string> id = images_.Pull(request->image().image(), credentials, call->token());
      if (id.ok()) response->set_image_ref(*id);
      if (!id.ok() && id.error().code() == base::Code::kUnavailable) {
        // The word by which kubelets tell it from a missing image; they look at the message only
        // when the code says nothing.
        call->Finish(grpc::Status(grpc::UNKNOWN, "RegistryUnavailable: " + id.error().message()));
        return;
      }
      call->Finish(id.ok() ? grpc::Status::OK : rpc::ToGrpc(id.error()));
    });
    return call;
  }
  Reactor* RemoveImage(Context* context, const cri::RemoveImageRequest* request,
                       cri::RemoveImageResponse*) override {
    return Run(executor_, context,
               [this, request] { return images_.Remove(request->image().image()); });
  }
  Reactor* ImageFsInfo(Context* context, const cri::ImageFsInfoRequest*,
                       cri::ImageFsInfoResponse* response) override {
    return Run(executor_, context, [this, response]() -> base::Status {
      ASSIGN_OR_RETURN(const image::FsUsage usage, images_.Usage());
      for (cri::FilesystemUsage* out :
           {response->add_image_filesystems(), response->add_container_filesystems()}) {
        out->set_timestamp(clock_.WallNanos());
        out->mutable_fs_id()->set_mountpoint(usage.mountpoint);
        out->mutable_used_bytes()->set_value(usage.used_bytes);
        out->mutable_inodes_used()->set_value(usage.inodes_used);
      }
      return {};
    });
  }
  KEELSON_STREAM_NOT_YET(StreamImages, StreamImagesRequest, StreamImagesResponse)

 private:
  image::ImageService& images_;
  base::Clock& clock_;
  async::Executor& executor_;
  LastingCalls<PullCall> pulls_;
};

class ServiceImpl final : public Service {
 public:
  ServiceImpl(Runtime& runtime, image::ImageService& images, base::Clock& clock)
      : runtime_server_(runtime, clock, executor_, execs_),
        image_server_(images, clock, executor_) {}
  ~ServiceImpl() override {
    if (!server_) return;
    runtime_server_.EndStreams();
    image_server_.EndPulls();
    // Returns at once when nothing is under way; what is, may end.
    server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(5));
    server_->Wait();
  }
  base::Status Start(const std::string& path) {
    if (unlink(path.c_str()) != 0 && errno != ENOENT)
      return base::Error::FromErrno(errno, "unlink '{}'", path);
    grpc::ServerBuilder builder;
    builder.SetMaxReceiveMessageSize(rpc::kMaxMessageBytes);
    builder.SetMaxSendMessageSize(64 << 20);
    builder.RegisterService(&runtime_server_);
    builder.RegisterService(&image_server_);
    int bound = 0;
    builder.AddListeningPort("unix:" + path, grpc::InsecureServerCredentials(), &bound);
    // The library makes the socket with our umask; the directory is closed to others besides.
    const mode_t before = umask(0177);
    server_ = builder.BuildAndStart();
    umask(before);
    if (!server_) return base::Unavailable("cannot serve on '{}'", path);
    return {};
  }

 private:
  async::Executor executor_{256};
  async::Executor execs_{256};
  RuntimeServer runtime_server_;
  ImageServer image_server_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace

Result<std::unique_ptr<Service>> Service::Serve(Runtime& runtime, image::ImageService& images,
                                                base::Clock& clock,
                                                const std::string& socket_path) {
  auto service = std::make_unique<ServiceImpl>(runtime, images, clock);
  RETURN_IF_ERROR(service->Start(socket_path));
  return std::unique_ptr<Service>(std::move(service));
}

}  // namespace keelson::cri_server
