// SPDX-License-Identifier: Apache-2.0
#include "runtime/cri/service.h"

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "lib/rpc/channel.h"
#include "runtime/cri/image_server.h"
#include "runtime/cri/runtime_server.h"

namespace keelson::cri_server {

using base::Result;

namespace {

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
