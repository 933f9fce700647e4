// SPDX-License-Identifier: Apache-2.0
#include "runtime/cri/service.h"

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/support/server_interceptor.h>

#include <condition_variable>
#include <mutex>
#include <optional>

#include "lib/rpc/channel.h"
#include "lib/rpc/owners_listener.h"
#include "runtime/cri/image_server.h"
#include "runtime/cri/runtime_server.h"

namespace keelson::cri_server {

using base::Result;

namespace {

using Factory = grpc::experimental::ServerInterceptorFactoryInterface;

// How many calls are under way.
class CallCount {
 public:
  void Begin() {
    const std::lock_guard lock(mutex_);
    ++count_;
  }
  void End() {
    const std::lock_guard lock(mutex_);
    if (--count_ == 0) none_.notify_all();
  }
  void WaitForNone(std::chrono::milliseconds at_most) {
    std::unique_lock lock(mutex_);
    (void)none_.wait_for(lock, at_most, [this] { return count_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable none_;
  size_t count_ = 0;
};

// Lives as long as its call; times it from its arrival to its status.
class CallObserver final : public grpc::experimental::Interceptor {
 public:
  CallObserver(const char* method, base::Clock& clock, const CallSink& sink, CallCount& count)
      : method_(method), clock_(clock), sink_(sink), count_(count), start_(clock.Steady()) {
    count_.Begin();
  }
  ~CallObserver() override { count_.End(); }
  CallObserver(const CallObserver&) = delete;
  CallObserver& operator=(const CallObserver&) = delete;
  void Intercept(grpc::experimental::InterceptorBatchMethods* methods) override {
    if (sink_ && methods->QueryInterceptionHookPoint(
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
  CallCount& count_;
  const base::SteadyTime start_;
};

class CallObservers final : public Factory {
 public:
  CallObservers(base::Clock& clock, CallSink sink, CallCount& count)
      : clock_(clock), sink_(std::move(sink)), count_(count) {}
  grpc::experimental::Interceptor* CreateServerInterceptor(
      grpc::experimental::ServerRpcInfo* info) override {
    return new CallObserver(info->method(), clock_, sink_, count_);
  }

 private:
  base::Clock& clock_;
  const CallSink sink_;
  CallCount& count_;
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
    // What is under way may end. Then connections are closed at once: a client that has nothing to
    // ask may read for seconds nothing of a farewell, for which gRPC would wait.
    calls_.WaitForNone(std::chrono::seconds(5));
    server_->Shutdown(std::chrono::system_clock::now());
    server_->Wait();
  }
  void UseStreams(stream::StreamServer* streams) { runtime_server_.UseStreams(streams); }
  base::Status Start(const std::string& path, base::Clock& clock, CallSink on_call) {
    grpc::ServerBuilder builder;
    builder.SetMaxReceiveMessageSize(rpc::kMaxMessageBytes);
    builder.SetMaxSendMessageSize(64 << 20);
    builder.RegisterService(&runtime_server_);
    builder.RegisterService(&image_server_);
    std::vector<std::unique_ptr<Factory>> observers;
    observers.push_back(std::make_unique<CallObservers>(clock, std::move(on_call), calls_));
    builder.experimental().SetInterceptorCreators(std::move(observers));
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
  CallCount calls_;
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
