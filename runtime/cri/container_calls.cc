// SPDX-License-Identifier: Apache-2.0
#include "runtime/cri/runtime_server.h"

#include "runtime/cri/convert.h"
#include "runtime/cri/inspect.h"

namespace keelson::cri_server {

cri::ContainerStatus FullStatus(const Runtime& runtime, const ContainerView& view) {
  cri::ContainerStatus status = ToStatus(view);
  const base::Result<SandboxView> sandbox = runtime.GetSandbox(view.record.sandbox_id);
  if (sandbox.ok() && !view.config.log_path().empty() && !sandbox->config.log_directory().empty()) {
    status.set_log_path(sandbox->config.log_directory() + "/" + view.config.log_path());
  }
  return status;
}

Reactor* RuntimeServer::CreateContainer(Context* context,
                                        const cri::CreateContainerRequest* request,
                                        cri::CreateContainerResponse* response) {
  return Run(executor_, runtime_.operations(), context, "CreateContainer",
             request->config().metadata().name(), [this, request, response]() -> base::Status {
               ASSIGN_OR_RETURN(
                   *response->mutable_container_id(),
                   runtime_.CreateContainer(request->pod_sandbox_id(), request->config()));
               return {};
             });
}

Reactor* RuntimeServer::StartContainer(Context* context, const cri::StartContainerRequest* request,
                                       cri::StartContainerResponse*) {
  return Run(executor_, runtime_.operations(), context, "StartContainer", request->container_id(),
             [this, request] { return runtime_.StartContainer(request->container_id()); });
}

Reactor* RuntimeServer::StopContainer(Context* context, const cri::StopContainerRequest* request,
                                      cri::StopContainerResponse*) {
  const std::chrono::seconds timeout(std::max<int64_t>(0, request->timeout()));
  return Run(executor_, runtime_.operations(), context, "StopContainer", request->container_id(),
             [this, request, timeout] {
               return runtime_.StopContainer(request->container_id(), timeout);
             });
}

Reactor* RuntimeServer::RemoveContainer(Context* context,
                                        const cri::RemoveContainerRequest* request,
                                        cri::RemoveContainerResponse*) {
  return Run(executor_, runtime_.operations(), context, "RemoveContainer", request->container_id(),
             [this, request] { return runtime_.RemoveContainer(request->container_id()); });
}

Reactor* RuntimeServer::ListContainers(Context* context, const grpc::ByteBuffer* request,
                                       RawAnswer* response) {
  const base::Result<cri::ListContainersRequest> asked =
      ParseRequest<cri::ListContainersRequest>(*request);
  if (!asked.ok()) return Answer(context, rpc::ToGrpc(asked.error()));
  ItemList list;
  for (const ContainerItemPtr& item : runtime_.ContainerItems()) {
    if (Matches(asked->filter(), *item)) list.Add(item->bytes);
  }
  *response = list.Take();
  return Answer(context, grpc::Status::OK);
}

Reactor* RuntimeServer::ContainerStatus(Context* context,
                                        const cri::ContainerStatusRequest* request,
                                        cri::ContainerStatusResponse* response) {
  const base::Result<ContainerView> view = runtime_.GetContainer(request->container_id());
  if (!view.ok()) return Answer(context, rpc::ToGrpc(view.error()));
  *response->mutable_status() = FullStatus(runtime_, *view);
  if (request->verbose()) (*response->mutable_info())["info"] = Inspect(*view);
  return Answer(context, grpc::Status::OK);
}

Reactor* RuntimeServer::ExecSync(Context*, const cri::ExecSyncRequest* request,
                                 cri::ExecSyncResponse* response) {
  CancellableCall* const call = exec_syncs_.Add();
  auto operation = std::make_shared<operations::Operation>(runtime_.operations(), "ExecSync",
                                                           request->container_id());
  execs_.Post([this, request, response, call, operation = std::move(operation)]() mutable {
    operation->Begin();
    const std::vector<std::string> command(request->cmd().begin(), request->cmd().end());
    base::Result<ExecOutput> output = runtime_.ExecSync(
        request->container_id(), command,
        std::chrono::seconds(std::max<int64_t>(0, request->timeout())), call->token());
    if (!output.ok()) operation->Failed();
    operation.reset();
    if (!output.ok()) return call->Finish(rpc::ToGrpc(output.error()));
    *response->mutable_stdout() = std::move(output->out);
    *response->mutable_stderr() = std::move(output->err);
    response->set_exit_code(output->exit_code);
    call->Finish(grpc::Status::OK);
  });
  return call;
}

Reactor* RuntimeServer::ReopenContainerLog(Context* context,
                                           const cri::ReopenContainerLogRequest* request,
                                           cri::ReopenContainerLogResponse*) {
  return Run(executor_, runtime_.operations(), context, "ReopenContainerLog",
             request->container_id(),
             [this, request] { return runtime_.ReopenContainerLog(request->container_id()); });
}

}  // namespace keelson::cri_server
