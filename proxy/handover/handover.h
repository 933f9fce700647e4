// SPDX-License-Identifier: Apache-2.0
// keelson-dns's sockets, of which keelson-proxy keeps duplicates: while a name server that ended is
// started again, questions wait in the sockets' buffers and none is lost. Either may be killed; the
// other brings the sockets back.
//
// On the unix socket kName beside the zone file (SOCK_SEQPACKET, one message each way, both with
// the one byte kVersion): the keeper sends what it has with the connection, the name server sends
// what it serves. A connection lives as long as its name server. Source: SCM_RIGHTS of unix(7).
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/os/event_loop.h"
#include "lib/os/unique_fd.h"

namespace keelson::proxy::handover {

inline constexpr char kName[] = "sockets";
inline constexpr uint32_t kUser = 65532;  // as whom keelson-dns runs: nobody in particular

// The proxy's side; on its loop's thread.
class Keeper {
 public:
  // What nobody serves for `patience` is let go: who asks is refused then, and waits no more.
  explicit Keeper(os::EventLoop& loop, std::chrono::milliseconds patience = std::chrono::minutes(1))
      : loop_(loop), patience_(patience) {}
  ~Keeper();
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

  // At `path`, for root and kUser alone.
  base::Status Listen(const std::string& path);
  size_t kept() const { return sockets_.size(); }

 private:
  struct Connection {
    os::UniqueFd socket;
    os::EventLoop::WatchId watch = 0;
  };
  void OnConnection();
  void OnMessage(int fd);
  void End(int fd);

  os::EventLoop& loop_;
  const std::chrono::milliseconds patience_;
  os::UniqueFd listener_;
  os::EventLoop::WatchId watch_ = 0;
  std::map<int, Connection> connections_;
  std::vector<os::UniqueFd> sockets_;
  std::optional<os::EventLoop::TimerId> timer_;
};

// The name server's side; on its loop's thread.
class Server {
 public:
  // The socket at `path`, which has to be reachable later too, with the rights that are left then.
  Server(os::EventLoop& loop, std::string path) : loop_(loop), path_(std::move(path)) {}
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // What was kept of a name server before this one; blocks for a moment. Without a keeper nothing.
  std::vector<os::UniqueFd> Take();
  // From now on they are kept, by each keeper that comes. They stay the caller's and outlive this.
  void Keep(std::vector<int> sockets);

 private:
  base::Status Connect();
  void Follow();
  void Again();

  os::EventLoop& loop_;
  const std::string path_;
  std::vector<int> sockets_;
  os::UniqueFd connection_;
  std::optional<os::EventLoop::WatchId> watch_;
  std::optional<os::EventLoop::TimerId> timer_;
};

}  // namespace keelson::proxy::handover
