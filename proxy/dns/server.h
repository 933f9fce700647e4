// SPDX-License-Identifier: Apache-2.0
// Answers DNS questions over UDP and TCP: cluster names from the zone, others from the cache or by
// other resolvers. Everything on its loop's thread; nothing a client sends makes it wait or grow
// without a bound.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "lib/os/event_loop.h"
#include "proxy/dns/cache.h"
#include "proxy/dns/clients.h"
#include "proxy/dns/forwarder.h"
#include "proxy/dns/zone.h"

namespace keelson::dns {

class Server {
 public:
  struct Options {
    Cache::Options cache;
    Forwarder::Options forward;
    Clients clients = Clients::Private();  // others hear nothing
    size_t most_connections = 256;         // of TCP
    std::chrono::milliseconds idle{10000};
  };
  Server(os::EventLoop& loop, const base::Clock& clock, Options options);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Bound sockets, the TCP one listening; both non-blocking.
  base::Status Serve(os::UniqueFd udp, os::UniqueFd tcp);
  // Until there is one, questions for cluster names are answered SERVFAIL: better than that a name
  // is not there.
  void SetZone(std::shared_ptr<const Zone> zone, std::string domain);
  Forwarder& forwarder() { return forwarder_; }

  struct Counts {
    uint64_t questions = 0, own = 0, cached = 0, forwarded = 0, failed = 0, refused = 0,
             strangers = 0;
  };
  const Counts& counts() const { return counts_; }

 private:
  struct Connection;
  // At once, or later by `reply`; an empty answer: nothing is said.
  using Reply = std::function<void(std::string answer)>;
  void Handle(const std::string& packet, bool tcp, const Reply& reply);
  void OnDatagrams(int fd);
  void OnConnection(int fd);
  void OnBytes(const std::shared_ptr<Connection>& connection, uint32_t ready);
  void Flush(const std::shared_ptr<Connection>& connection);
  void Close(const std::shared_ptr<Connection>& connection);
  void Touch(const std::shared_ptr<Connection>& connection);

  os::EventLoop& loop_;
  const Options options_;
  Cache cache_;
  Forwarder forwarder_;
  std::shared_ptr<const Zone> zone_;
  std::string domain_ = "cluster.local";
  Counts counts_;
  std::vector<os::UniqueFd> sockets_;
  std::vector<os::EventLoop::WatchId> watches_;
  std::unordered_map<int, std::shared_ptr<Connection>> connections_;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

// A pair of bound sockets on `address` (of either family, on this node or not yet) and `port`.
struct Sockets {
  os::UniqueFd udp, tcp;
};
base::Result<Sockets> Bind(const std::string& address, uint16_t port);
// The pair among `kept` that is bound there, which are taken out of it; else a new one.
base::Result<Sockets> BindOrTake(const std::string& address, uint16_t port,
                                 std::vector<os::UniqueFd>& kept);

}  // namespace keelson::dns
