// SPDX-License-Identifier: Apache-2.0
// What streaming asks of the runtime: the border between runtime/stream (tokens, keelson-stream,
// SPDY and WebSocket) and runtime/cri (containers). Calls may block and come from worker threads;
// thread-safe. One Session object is one client's exec or attach.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/os/unique_fd.h"

namespace keelson::stream {

// What the CRI's Exec and Attach asked for, checked before a token was given.
struct ProcessRequest {
  std::string container_id;
  std::vector<std::string> command;  // empty: attach
  bool tty = false;
  bool in = false;
  bool out = false;
  bool err = false;  // never with tty
};

// The ends that keelson-stream copies between client and container. With a terminal only `terminal`
// is set. Each is this session's own: closing `in` is the client's half-close, an end of file on
// `out` and `err` means that everything was read.
struct Ends {
  os::UniqueFd in, out, err;
  os::UniqueFd terminal;
};

// How a session's process ended; attach: the container's exit. `error` is set instead of a code
// when it could not be learnt.
struct Ended {
  int32_t exit_code = 0;
  std::string error;
};

class Session {
 public:
  // Ends what the session started: an exec's processes are killed, an attach is taken off.
  virtual ~Session() = default;
  virtual Ends TakeEnds() = 0;  // once
  virtual base::Status Resize(uint16_t columns, uint16_t rows) = 0;
};

class Backend {
 public:
  virtual ~Backend() = default;
  // `ended` is called once, from any thread, also when the session is already being destroyed.
  virtual base::Result<std::unique_ptr<Session>> Open(const ProcessRequest& request,
                                                      std::function<void(const Ended&)> ended) = 0;
  // A connected stream socket to localhost:port (IPv4, then IPv6) in the sandbox's network
  // namespace.
  virtual base::Result<os::UniqueFd> Connect(const std::string& sandbox_id, uint16_t port) = 0;
};

}  // namespace keelson::stream
