// SPDX-License-Identifier: Apache-2.0
// The daemon's side of keelson-fetch: one process for each pull. Run() blocks and may be called
// from several threads at once; Kill() from any: what waits in Run() then ends with an error. The
// process ends with this object.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "lib/base/result.h"
#include "lib/os/process.h"
#include "lib/os/unique_fd.h"
#include "runtime/fetch/protocol.h"

namespace keelson::fetch {

class FetchProcess {
 public:
  static base::Result<std::unique_ptr<FetchProcess>> Start(const std::string& program,
                                                           const Config& config);
  // The reply comes when all bytes are in `sink` and it has been closed on the other side.
  base::Result<Reply> Run(const Request& request, int sink);
  // The same in two steps, for who reads the bytes in between: the socket that Reap() waits at.
  base::Result<os::UniqueFd> Ask(const Request& request, int sink);
  static base::Result<Reply> Reap(const os::UniqueFd& reply);
  void Kill();

 private:
  FetchProcess(os::ChildProcess child, os::UniqueFd socket)
      : child_(std::move(child)), socket_(std::move(socket)) {}
  os::ChildProcess child_;
  os::UniqueFd socket_;
  std::mutex sending_;
};

}  // namespace keelson::fetch
