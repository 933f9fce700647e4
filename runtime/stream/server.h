// SPDX-License-Identifier: Apache-2.0
// The daemon's side of streaming: hands out URLs, starts keelson-stream (again when it died: the
// listening socket and with it every URL stays good), and gives it the descriptors of one session
// at a time. No byte of a session passes through here. Thread-safe; Exec, Attach and PortForward do
// not block. The backend must outlive the server; its calls run on worker threads of the server's.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "runtime/stream/backend.h"
#include "runtime/stream/protocol.h"

namespace keelson::stream {

struct ServerOptions {
  std::string address = "127.0.0.1";  // an IP address of this machine; what clients are told too
  uint16_t port = 0;                  // 0: any that is free
  std::string program;                // the path of keelson-stream
  // PEM, both or none. With them URLs are https.
  std::string certificate;
  std::string key;
  uint32_t idle_seconds = 4 * 3600;
  uint32_t creation_seconds = 30;
  uint32_t max_sessions = 1024;
};

class StreamServer {
 public:
  static base::Result<std::unique_ptr<StreamServer>> Create(ServerOptions options,
                                                            Backend& backend);
  ~StreamServer();  // Stop()
  StreamServer(const StreamServer&) = delete;
  StreamServer& operator=(const StreamServer&) = delete;

  // The absolute URL for one client, good once and for one minute. InvalidArgument where the CRI
  // forbids the combination: no stream at all, or standard error with a terminal.
  base::Result<std::string> Exec(ProcessRequest request);
  base::Result<std::string> Attach(ProcessRequest request);
  base::Result<std::string> PortForward(std::string sandbox_id, std::vector<uint16_t> ports);

  // Ends every session and the program. Nothing is handed out afterwards.
  void Stop();

  const std::string& base_url() const;  // "http://127.0.0.1:41234"
  size_t sessions() const;              // clients whose tokens were taken and that are not gone
  int program_pid() const;              // of the keelson-stream that runs now; 0: none

 private:
  class State;
  explicit StreamServer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace keelson::stream
