// SPDX-License-Identifier: Apache-2.0
// Exec, Attach and PortForward: what is asked is checked, the client gets a URL, and the rest is
// between it and keelson-stream.
#include "runtime/cri/runtime_server.h"

namespace keelson::cri_server {

namespace {

base::Result<ContainerView> RunningContainer(const Runtime& runtime, const std::string& id) {
  ASSIGN_OR_RETURN(ContainerView view, runtime.GetContainer(id));
  if (view.record.state != container::ContainerState::kRunning)
    return base::FailedPrecondition("container '{}' does not run", id);
  return view;
}

template <typename Request>
stream::ProcessRequest Streams(const Request& request, const ContainerView& container) {
  stream::ProcessRequest wanted;
  wanted.container_id = container.record.id;
  wanted.tty = request.tty();
  wanted.in = request.stdin();
  wanted.out = request.stdout();
  wanted.err = request.stderr();
  return wanted;
}

template <typename Response>
Reactor* AnswerUrl(Context* context, const base::Result<std::string>& url, Response* response) {
  if (!url.ok()) return Answer(context, rpc::ToGrpc(url.error()));
  response->set_url(*url);
  return Answer(context, grpc::Status::OK);
}

}  // namespace

Reactor* RuntimeServer::Exec(Context* context, const cri::ExecRequest* request,
                             cri::ExecResponse* response) {
  if (stream_server_ == nullptr) return Unimplemented(context, "Exec");
  const auto url = [&]() -> base::Result<std::string> {
    ASSIGN_OR_RETURN(const ContainerView view, RunningContainer(runtime_, request->container_id()));
    if (request->cmd().empty()) return base::InvalidArgument("cmd: must name a command");
    stream::ProcessRequest wanted = Streams(*request, view);
    wanted.command.assign(request->cmd().begin(), request->cmd().end());
    return stream_server_->Exec(std::move(wanted));
  };
  return AnswerUrl(context, url(), response);
}

Reactor* RuntimeServer::Attach(Context* context, const cri::AttachRequest* request,
                               cri::AttachResponse* response) {
  if (stream_server_ == nullptr) return Unimplemented(context, "Attach");
  const auto url = [&]() -> base::Result<std::string> {
    ASSIGN_OR_RETURN(const ContainerView view, RunningContainer(runtime_, request->container_id()));
    RETURN_IF_ERROR(runtime_.CheckAttach(view, request->tty()));
    return stream_server_->Attach(Streams(*request, view));
  };
  return AnswerUrl(context, url(), response);
}

Reactor* RuntimeServer::PortForward(Context* context, const cri::PortForwardRequest* request,
                                    cri::PortForwardResponse* response) {
  if (stream_server_ == nullptr) return Unimplemented(context, "PortForward");
  const auto url = [&]() -> base::Result<std::string> {
    ASSIGN_OR_RETURN(const SandboxView pod, runtime_.GetSandbox(request->pod_sandbox_id()));
    if (pod.record.state != container::SandboxState::kReady)
      return base::FailedPrecondition("pod sandbox '{}' is not ready", request->pod_sandbox_id());
    std::vector<uint16_t> ports;
    for (const int32_t port : request->port()) {
      if (port < 1 || port > 65535) return base::InvalidArgument("port: {} is not one", port);
      ports.push_back(static_cast<uint16_t>(port));
    }
    return stream_server_->PortForward(pod.record.id, std::move(ports));
  };
  return AnswerUrl(context, url(), response);
}

}  // namespace keelson::cri_server
