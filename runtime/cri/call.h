// SPDX-License-Identifier: Apache-2.0
// How a CRI call is answered: at once, or from a thread that may block. For the *_calls.cc alone.
#pragma once

#include <grpcpp/server.h>

#include <memory>
#include <string>
#include <utility>

#include "lib/async/executor.h"
#include "lib/rpc/status.h"
#include "runtime/operations/operations.h"

namespace keelson::cri_server {

using Context = grpc::CallbackServerContext;
using Reactor = grpc::ServerUnaryReactor;

inline Reactor* Answer(Context* context, const grpc::Status& status) {
  Reactor* reactor = context->DefaultReactor();
  reactor->Finish(status);
  return reactor;
}

// Runs where it may block and finishes the call from there.
template <typename Work>
Reactor* Run(async::Executor& executor, operations::Operations& operations, Context* context,
             const char* call, std::string object, Work work) {
  Reactor* reactor = context->DefaultReactor();
  auto operation = std::make_shared<operations::Operation>(operations, call, std::move(object));
  executor.Post([reactor, operation = std::move(operation), work = std::move(work)]() mutable {
    operation->Begin();
    const base::Status status = work();
    if (!status.ok()) operation->Failed();
    operation.reset();  // before the client knows: its next question may be what goes on
    reactor->Finish(rpc::ToGrpc(status));
  });
  return reactor;
}

// As above for what is not worth being counted.
template <typename Work>
Reactor* Run(async::Executor& executor, Context* context, Work work) {
  Reactor* reactor = context->DefaultReactor();
  executor.Post([reactor, work = std::move(work)] { reactor->Finish(rpc::ToGrpc(work())); });
  return reactor;
}

inline Reactor* Unimplemented(Context* context, const std::string& call) {
  return Answer(context, grpc::Status(grpc::UNIMPLEMENTED, call + " is not there yet"));
}

template <typename Response>
grpc::ServerWriteReactor<Response>* UnimplementedStream(const std::string& call) {
  struct Refusal final : grpc::ServerWriteReactor<Response> {
    explicit Refusal(const std::string& name) {
      this->Finish(grpc::Status(grpc::UNIMPLEMENTED, name + " is not there yet"));
    }
    void OnDone() override { delete this; }
  };
  return new Refusal(call);
}

}  // namespace keelson::cri_server
