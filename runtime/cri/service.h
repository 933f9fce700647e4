// SPDX-License-Identifier: Apache-2.0
// The CRI over gRPC on a unix socket (0600), for root and the daemon's own user. Callback server:
// no handler blocks; reads answer at once, operations run on worker threads and finish their call
// from there. Calls that are not built yet answer UNIMPLEMENTED and name themselves.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "lib/base/result.h"
#include "runtime/cri/runtime.h"
#include "runtime/image/image_service.h"
#include "runtime/stream/server.h"

namespace keelson::cri_server {

// Told of every call that was answered: its name, gRPC's code and the time. Must not block.
using CallSink = std::function<void(std::string_view call, std::string_view code,
                                    std::chrono::nanoseconds took)>;

class Service {
 public:
  // The socket's directory must be there; a stale socket is replaced. Serves until destroyed.
  // Without `streams` Exec, Attach and PortForward answer UNIMPLEMENTED.
  static base::Result<std::unique_ptr<Service>> Serve(Runtime& runtime, image::ImageService& images,
                                                      base::Clock& clock,
                                                      const std::string& socket_path,
                                                      CallSink on_call = nullptr,
                                                      stream::StreamServer* streams = nullptr);
  virtual ~Service() = default;
};

}  // namespace keelson::cri_server
