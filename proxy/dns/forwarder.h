// SPDX-License-Identifier: Apache-2.0
// Asks other resolvers: over UDP from a port of the kernel's choice with an id of ours, over TCP
// when the asker came by it or an answer is cut. One question that several ask is asked once.
// Bounded in number and time. On its loop's thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "lib/base/clock.h"
#include "lib/os/event_loop.h"
#include "lib/os/socket_address.h"
#include "proxy/dns/message.h"

namespace keelson::dns {

class Forwarder {
 public:
  struct Options {
    std::chrono::milliseconds try_for{2000};  // one resolver
    std::chrono::milliseconds give_up{5000};  // all of them
    size_t most_open = 1000;                  // questions; more are refused
  };
  Forwarder(os::EventLoop& loop, const base::Clock& clock, Options options)
      : loop_(loop), clock_(clock), options_(options) {}
  ~Forwarder();
  Forwarder(const Forwarder&) = delete;
  Forwarder& operator=(const Forwarder&) = delete;

  // Addresses of either family and ports.
  void SetUpstreams(const std::vector<std::pair<std::string, uint16_t>>& upstreams);
  // The whole answer as it came, with the id of `packet`; empty: nobody answered. Later.
  using Done = std::function<void(const std::string& answer)>;
  void Ask(const Question& question, const std::string& packet, bool tcp, Done done);
  size_t open() const { return open_.size(); }

 private:
  struct Asked;
  void Try(const std::shared_ptr<Asked>& asked);
  void Connect(const std::shared_ptr<Asked>& asked);
  void OnReady(const std::shared_ptr<Asked>& asked, uint32_t ready);
  void Took(const std::shared_ptr<Asked>& asked, const std::string& answer);
  void Finish(const std::shared_ptr<Asked>& asked, const std::string& answer);
  void Release(Asked& asked);

  os::EventLoop& loop_;
  const base::Clock& clock_;
  const Options options_;
  std::vector<os::SocketAddress> upstreams_;
  size_t next_ = 0;  // who is asked first: the last one that answered
  std::map<std::string, std::shared_ptr<Asked>> open_;
};

}  // namespace keelson::dns
