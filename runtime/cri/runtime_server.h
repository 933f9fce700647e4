// SPDX-License-Identifier: Apache-2.0
// RuntimeService: each call only translates between the CRI and the runtime; by subject in the
// *_calls.cc. No handler blocks: reads answer at once, operations run on worker threads.
#pragma once

#include "cri-api/cri.h"
#include "cri-api/service.grpc.pb.h"
#include "lib/base/clock.h"
#include "runtime/cri/call.h"
#include "runtime/cri/event_stream.h"
#include "runtime/cri/item_stream.h"
#include "runtime/cri/lasting_calls.h"
#include "runtime/cri/runtime.h"
#include "runtime/stats/sampler.h"
#include "runtime/stream/server.h"

namespace keelson::cri_server {

// A container's status with what its sandbox knows of it: the whole path of its log.
cri::ContainerStatus FullStatus(const Runtime& runtime, const ContainerView& view);

// Lists of what there may be hundreds of take requests and give answers as bytes: their items are
// serialised already.
template <typename Base>
using RawLists = cri::RuntimeService::WithRawCallbackMethod_ListPodSandbox<
    cri::RuntimeService::WithRawCallbackMethod_ListContainers<
        cri::RuntimeService::WithRawCallbackMethod_ListContainerStats<
            cri::RuntimeService::WithRawCallbackMethod_ListPodSandboxStats<
                cri::RuntimeService::WithRawCallbackMethod_ListPodSandboxMetrics<Base>>>>>;
template <typename Base>
using RawStreams = cri::RuntimeService::WithRawCallbackMethod_StreamPodSandboxes<
    cri::RuntimeService::WithRawCallbackMethod_StreamContainers<
        cri::RuntimeService::WithRawCallbackMethod_StreamContainerStats<
            cri::RuntimeService::WithRawCallbackMethod_StreamPodSandboxStats<
                cri::RuntimeService::WithRawCallbackMethod_StreamPodSandboxMetrics<Base>>>>>;
using RawAnswer = grpc::ByteBuffer;

class RuntimeServer final : public RawStreams<RawLists<cri::RuntimeService::CallbackService>> {
 public:
  RuntimeServer(Runtime& runtime, base::Clock& clock, async::Executor& executor,
                async::Executor& execs);
  ~RuntimeServer() override;
  void EndStreams() {
    streams_.Stop();
    list_streams_.Stop();
  }
  // Before the first call; without it the streaming calls are not there.
  void UseStreams(stream::StreamServer* streams) { stream_server_ = streams; }

  // runtime_calls.cc
  Reactor* Version(Context* context, const cri::VersionRequest*,
                   cri::VersionResponse* response) override;
  Reactor* Status(Context* context, const cri::StatusRequest* request,
                  cri::StatusResponse* response) override;
  Reactor* RuntimeConfig(Context* context, const cri::RuntimeConfigRequest*,
                         cri::RuntimeConfigResponse* response) override;
  Reactor* UpdateRuntimeConfig(Context* context, const cri::UpdateRuntimeConfigRequest*,
                               cri::UpdateRuntimeConfigResponse*) override;
  grpc::ServerWriteReactor<cri::ContainerEventResponse>* GetContainerEvents(
      Context* context, const cri::GetEventsRequest*) override;

  // sandbox_calls.cc
  Reactor* RunPodSandbox(Context* context, const cri::RunPodSandboxRequest* request,
                         cri::RunPodSandboxResponse* response) override;
  Reactor* StopPodSandbox(Context* context, const cri::StopPodSandboxRequest* request,
                          cri::StopPodSandboxResponse*) override;
  Reactor* RemovePodSandbox(Context* context, const cri::RemovePodSandboxRequest* request,
                            cri::RemovePodSandboxResponse*) override;
  Reactor* PodSandboxStatus(Context* context, const cri::PodSandboxStatusRequest* request,
                            cri::PodSandboxStatusResponse* response) override;
  Reactor* ListPodSandbox(Context* context, const grpc::ByteBuffer* request,
                          RawAnswer* response) override;

  // container_calls.cc
  Reactor* CreateContainer(Context* context, const cri::CreateContainerRequest* request,
                           cri::CreateContainerResponse* response) override;
  Reactor* StartContainer(Context* context, const cri::StartContainerRequest* request,
                          cri::StartContainerResponse*) override;
  Reactor* StopContainer(Context* context, const cri::StopContainerRequest* request,
                         cri::StopContainerResponse*) override;
  Reactor* RemoveContainer(Context* context, const cri::RemoveContainerRequest* request,
                           cri::RemoveContainerResponse*) override;
  Reactor* ListContainers(Context* context, const grpc::ByteBuffer* request,
                          RawAnswer* response) override;
  Reactor* ContainerStatus(Context* context, const cri::ContainerStatusRequest* request,
                           cri::ContainerStatusResponse* response) override;
  Reactor* ExecSync(Context* context, const cri::ExecSyncRequest* request,
                    cri::ExecSyncResponse* response) override;
  Reactor* ReopenContainerLog(Context* context, const cri::ReopenContainerLogRequest* request,
                              cri::ReopenContainerLogResponse*) override;

  // resource_calls.cc
  Reactor* UpdateContainerResources(Context* context,
                                    const cri::UpdateContainerResourcesRequest* request,
                                    cri::UpdateContainerResourcesResponse* response) override;
  Reactor* UpdatePodSandboxResources(Context* context,
                                     const cri::UpdatePodSandboxResourcesRequest* request,
                                     cri::UpdatePodSandboxResourcesResponse* response) override;

  // stream_calls.cc
  Reactor* Exec(Context* context, const cri::ExecRequest* request,
                cri::ExecResponse* response) override;
  Reactor* Attach(Context* context, const cri::AttachRequest* request,
                  cri::AttachResponse* response) override;
  Reactor* PortForward(Context* context, const cri::PortForwardRequest* request,
                       cri::PortForwardResponse* response) override;

  // stats_calls.cc
  Reactor* ContainerStats(Context* context, const cri::ContainerStatsRequest* request,
                          cri::ContainerStatsResponse* response) override;
  Reactor* ListContainerStats(Context* context, const grpc::ByteBuffer* request,
                              RawAnswer* response) override;
  Reactor* PodSandboxStats(Context* context, const cri::PodSandboxStatsRequest* request,
                           cri::PodSandboxStatsResponse* response) override;
  Reactor* ListPodSandboxStats(Context* context, const grpc::ByteBuffer* request,
                               RawAnswer* response) override;
  Reactor* ListMetricDescriptors(Context* context, const cri::ListMetricDescriptorsRequest* request,
                                 cri::ListMetricDescriptorsResponse* response) override;
  Reactor* ListPodSandboxMetrics(Context* context, const grpc::ByteBuffer* request,
                                 RawAnswer* response) override;

  // checkpoint_calls.cc
  Reactor* CheckpointContainer(Context* context, const cri::CheckpointContainerRequest* request,
                               cri::CheckpointContainerResponse* response) override;
  Reactor* CheckpointPod(Context* context, const cri::CheckpointPodRequest* request,
                         cri::CheckpointPodResponse* response) override;
  Reactor* RestorePod(Context* context, const cri::RestorePodRequest* request,
                      cri::RestorePodResponse* response) override;

  // list_stream_calls.cc
  grpc::ServerWriteReactor<RawAnswer>* StreamPodSandboxes(Context* context,
                                                          const grpc::ByteBuffer* request) override;
  grpc::ServerWriteReactor<RawAnswer>* StreamContainers(Context* context,
                                                        const grpc::ByteBuffer* request) override;
  grpc::ServerWriteReactor<RawAnswer>* StreamContainerStats(
      Context* context, const grpc::ByteBuffer* request) override;
  grpc::ServerWriteReactor<RawAnswer>* StreamPodSandboxStats(
      Context* context, const grpc::ByteBuffer* request) override;
  grpc::ServerWriteReactor<RawAnswer>* StreamPodSandboxMetrics(
      Context* context, const grpc::ByteBuffer* request) override;

 private:
  // The call ends with what is made of the samples.
  using AnswerSamples = std::function<grpc::Status(const stats::Snapshot&)>;
  Reactor* WithSamples(Context* context, stats::Scope scope, AnswerSamples answer);
  ItemStream* Refuse(Context* context, const base::Error& error);
  ItemStream* StreamSamples(Context* context, stats::Scope scope, size_t most_items,
                            std::function<ItemStream::Next(stats::SnapshotPtr)> next);
  void OnEvent(Runtime::Event event, const std::string& id, const SandboxView& sandbox);

  Runtime& runtime_;
  base::Clock& clock_;
  async::Executor& executor_;
  async::Executor& execs_;  // of their own: commands may last, and stops must not wait for them
  stream::StreamServer* stream_server_ = nullptr;
  LastingCalls<EventStream> streams_;
  LastingCalls<ItemStream> list_streams_;
  stats::Sampler sampler_;
  LastingCalls<CancellableCall> exec_syncs_;
};

}  // namespace keelson::cri_server
