// SPDX-License-Identifier: Apache-2.0
#include "runtime/cri/runtime_server.h"

#include "runtime/cri/convert.h"
#include "runtime/cri/inspect.h"

namespace keelson::cri_server {

Reactor* RuntimeServer::RunPodSandbox(Context* context, const cri::RunPodSandboxRequest* request,
                                      cri::RunPodSandboxResponse* response) {
  return Run(executor_, runtime_.operations(), context, "RunPodSandbox",
             request->config().metadata().namespace_() + "/" + request->config().metadata().name(),
             [this, request, response]() -> base::Status {
               ASSIGN_OR_RETURN(
                   *response->mutable_pod_sandbox_id(),
                   runtime_.RunPodSandbox(request->config(), request->runtime_handler()));
               return {};
             });
}

Reactor* RuntimeServer::StopPodSandbox(Context* context, const cri::StopPodSandboxRequest* request,
                                       cri::StopPodSandboxResponse*) {
  return Run(executor_, runtime_.operations(), context, "StopPodSandbox", request->pod_sandbox_id(),
             [this, request] { return runtime_.StopPodSandbox(request->pod_sandbox_id()); });
}

Reactor* RuntimeServer::RemovePodSandbox(Context* context,
                                         const cri::RemovePodSandboxRequest* request,
                                         cri::RemovePodSandboxResponse*) {
  return Run(executor_, runtime_.operations(), context, "RemovePodSandbox",
             request->pod_sandbox_id(),
             [this, request] { return runtime_.RemovePodSandbox(request->pod_sandbox_id()); });
}

Reactor* RuntimeServer::PodSandboxStatus(Context* context,
                                         const cri::PodSandboxStatusRequest* request,
                                         cri::PodSandboxStatusResponse* response) {
  const base::Result<SandboxView> view = runtime_.GetSandbox(request->pod_sandbox_id());
  if (!view.ok()) return Answer(context, rpc::ToGrpc(view.error()));
  *response->mutable_status() = ToStatus(*view);
  response->set_timestamp(clock_.WallNanos());
  for (const ContainerView& container : runtime_.ListContainers(view->record.id))
    *response->add_containers_statuses() = FullStatus(runtime_, container);
  if (request->verbose()) (*response->mutable_info())["info"] = Inspect(*view);
  return Answer(context, grpc::Status::OK);
}

Reactor* RuntimeServer::ListPodSandbox(Context* context, const grpc::ByteBuffer* request,
                                       RawAnswer* response) {
  const base::Result<cri::ListPodSandboxRequest> asked =
      ParseRequest<cri::ListPodSandboxRequest>(*request);
  if (!asked.ok()) return Answer(context, rpc::ToGrpc(asked.error()));
  ItemList list;
  for (const SandboxItemPtr& item : runtime_.SandboxItems()) {
    if (Matches(asked->filter(), *item)) list.Add(item->bytes);
  }
  *response = list.Take();
  return Answer(context, grpc::Status::OK);
}

}  // namespace keelson::cri_server
