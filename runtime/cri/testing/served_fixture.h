// SPDX-License-Identifier: Apache-2.0
// A client over the runtime's real socket, for tests: whole pods as in runtime_fixture.h, each call
// with a deadline of a minute.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include "cri-api/service.grpc.pb.h"
#include "lib/rpc/channel.h"
#include "runtime/cri/service.h"
#include "runtime/cri/testing/runtime_fixture.h"

namespace keelson::cri_server {

class ServedTest : public RuntimeTest {
 protected:
  void SetUp() override {
    RuntimeTest::SetUp();
    if (!runtime_) return;
    base::Result<std::unique_ptr<Service>> service =
        Service::Serve(*runtime_, *images_, clock_, run_ + "/cri.sock");
    ASSERT_TRUE(service.ok()) << service.error().message();
    service_ = std::move(service).value();
    const auto channel = rpc::ConnectUnix(run_ + "/cri.sock");
    pods_ = cri::RuntimeService::NewStub(channel);
    stored_ = cri::ImageService::NewStub(channel);
  }
  void TearDown() override {
    service_.reset();
    RuntimeTest::TearDown();
  }
  template <typename Stub, typename Request, typename Response>
  grpc::Status Call(Stub& stub,
                    grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                    const Request& request, Response* response) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    return (stub.*method)(&context, request, response);
  }
  template <typename Request, typename Response>
  grpc::Status Ask(grpc::Status (cri::RuntimeService::Stub::*method)(grpc::ClientContext*,
                                                                     const Request&, Response*),
                   const Request& request, Response* response) {
    return Call(*pods_, method, request, response);
  }
  template <typename Request, typename Response>
  grpc::Status Ask(grpc::Status (cri::ImageService::Stub::*method)(grpc::ClientContext*,
                                                                   const Request&, Response*),
                   const Request& request, Response* response) {
    return Call(*stored_, method, request, response);
  }
  using Pods = cri::RuntimeService::Stub;
  using Stored = cri::ImageService::Stub;

  std::unique_ptr<Service> service_;
  std::unique_ptr<cri::RuntimeService::Stub> pods_;
  std::unique_ptr<cri::ImageService::Stub> stored_;
};

}  // namespace keelson::cri_server
