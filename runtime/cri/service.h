// SPDX-License-Identifier: Apache-2.0
// The CRI over gRPC on a unix socket (0600). Callback server: no handler blocks; reads answer at
// once, operations run on worker threads and finish their call from there. Calls that are not built
// yet answer UNIMPLEMENTED and name themselves.
#pragma once

#include <memory>
#include <string>

#include "lib/base/result.h"
#include "runtime/cri/runtime.h"
#include "runtime/image/image_service.h"

namespace keelson::cri_server {

class Service {
 public:
  // The socket's directory must be there; a stale socket is replaced. Serves until destroyed.
  static base::Result<std::unique_ptr<Service>> Serve(Runtime& runtime, image::ImageService& images,
                                                      base::Clock& clock,
                                                      const std::string& socket_path);
  virtual ~Service() = default;
};

}  // namespace keelson::cri_server
