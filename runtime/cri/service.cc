// SPDX-License-Identifier: Apache-2.0
#include "runtime/cri/service.h"

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/support/server_interceptor.h>

#include <optional>

#include "lib/rpc/channel.h"
#include "lib/rpc/owners_listener.h"
#include "runtime/cri/image_server.h"
#include "runtime/cri/runtime_server.h"

namespace keelson::cri_server {

using base::Result;

namespace {

using Factory = grpc::experimental::ServerInterceptorFactoryInterface;

// Times one call from its arrival to its status.
class CallObserver final : public grpc::experimental::Interceptor {
 public:
  CallObserver(const char* method, base::Clock& clock, const CallSink& sink)
      : method_(method), clock_(clock), sink_(sink), start_(clock.Steady()) {}
  void Intercept(grpc::experimental::InterceptorBatchMethods* methods) override {
    if (methods->QueryInterceptionHookPoint(
            grpc::experimental::InterceptionHookPoints::PRE_SEND_STATUS)) {
      const auto code = static_cast<base::Code>(methods->GetSendStatus().error_code());
      // "/runtime.v1.RuntimeService/Version"
      sink_(method_.substr(method_.rfind('/') + 1), base::CodeName(code), clock_.Steady() - start_);
    }
    methods->Proceed();
  }

 private:
  const std::string_view method_;
  base::Clock& clock_;
  const CallSink& sink_;
  const base::SteadyTime start_;
};

class CallObservers final : public Factory {
 public:
  CallObservers(base::Clock& clock, CallSink sink) : clock_(clock), sink_(std::move(sink)) {}
  grpc::experimental::Interceptor* CreateServerInterceptor(
      grpc::experimental::ServerRpcInfo* info) override {
    return new CallObserver(info->method(), clock_, sink_);
  }

 private:
  base::Clock& clock_;
  const CallSink sink_;
};

class ServiceImpl final : public Service {
 public:
  ServiceImpl(Runtime& runtime, image::ImageService& images, base::Clock& clock)
      : runtime_(runtime),
        runtime_server_(runtime, clock, executor_, execs_),
        image_server_(images, clock, executor_, runtime.operations()) {}
  ~ServiceImpl() override {
    listener_.reset();
    if (!server_) return;
    runtime_server_.EndStreams();
    runtime_.StopWaiting();
    image_server_.EndCalls();
    // Returns at once when nothing is under way; what is, may end.
    server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(5));
    server_->Wait();
  }
  void UseStreams(stream::StreamServer* streams) { runtime_server_.UseStreams(streams); }
  base::Status Start(const std::string& path, base::Clock& clock, CallSink on_call) {
    grpc::ServerBuilder builder;
    builder.SetMaxReceiveMessageSize(rpc::kMaxMessageBytes);
    builder.SetMaxSendMessageSize(64 << 20);
    builder.RegisterService(&runtime_server_);
    builder.RegisterService(&image_server_);
    if (on_call) {
      std::vector<std::unique_ptr<Factory>> observers;
      observers.push_back(std::make_unique<CallObservers>(clock, std::move(on_call)));
      builder.experimental().SetInterceptorCreators(std::move(observers));
    }
    listener_.emplace(builder);
    server_ = builder.BuildAndStart();
    if (!server_) return base::Unavailable("cannot serve on '{}'", path);
    return listener_->Begin(path);
  }

 private:
  Runtime& runtime_;
  async::Executor executor_{256};
  async::Executor execs_{256};
  RuntimeServer runtime_server_;
  ImageServer image_server_;
  std::unique_ptr<grpc::Server> server_;
  std::optional<rpc::OwnersListener> listener_;
};

}  // namespace

Result<std::unique_ptr<Service>> Service::Serve(Runtime& runtime, image::ImageService& images,
                                                base::Clock& clock, const std::string& socket_path,
                                                CallSink on_call, stream::StreamServer* streams) {
  auto service = std::make_unique<ServiceImpl>(runtime, images, clock);
  service->UseStreams(streams);
  RETURN_IF_ERROR(service->Start(socket_path, clock, std::move(on_call)));
  return std::unique_ptr<Service>(std::move(service));
}

}  // namespace keelson::cri_server
