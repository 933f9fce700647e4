// SPDX-License-Identifier: Apache-2.0
// A name server in a network namespace of the test: whatever it is asked, it answers one address.
// A thread of its own until it goes.
#pragma once

#include <sys/eventfd.h>

#include "lib/base/ip_address.h"
#include "lib/kernel/netlink/testing/namespaces.h"

namespace keelson::cluster {

class Resolver {
 public:
  // On port 53 of `address`; the answer is IPv4.
  Resolver(int netns, const std::string& address, const std::string& answer)
      : stop_(eventfd(0, EFD_CLOEXEC)) {
    netlink::SocketAddress where(address, 53);
    socket_ = netlink::OpenSocket(netns, where, SOCK_DGRAM);
    EXPECT_EQ(bind(socket_.get(), where.get(), where.size), 0) << strerror(errno);
    answer_ = base::IpAddress::Parse(answer).value().raw();
    thread_ = std::thread([this] { Run(); });
  }
  ~Resolver() {
    eventfd_write(stop_.get(), 1);
    thread_.join();
  }
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

 private:
  static constexpr size_t kHeader = 12;

  void Run() {
    pollfd both[2] = {{socket_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
    while (poll(both, 2, -1) > 0 && both[1].revents == 0) {
      char bytes[512];
      netlink::SocketAddress from;
      const ssize_t got =
          recvfrom(socket_.get(), bytes, sizeof bytes, MSG_DONTWAIT, from.get(), &from.size);
      const std::string answer = got > 0 ? Answer({bytes, static_cast<size_t>(got)}) : "";
      if (!answer.empty())
        sendto(socket_.get(), answer.data(), answer.size(), 0, from.get(), from.size);
    }
  }
  // The question again, and behind it an address for the name at its beginning; "": it is none.
  std::string Answer(const std::string& packet) const {
    size_t end = kHeader;
    while (end < packet.size() && packet[end] != 0) end += static_cast<uint8_t>(packet[end]) + 1u;
    end += 5;  // the end of the name, a type, a class
    if (end > packet.size()) return "";
    return packet.substr(0, 2) + std::string("\x81\x80\0\1\0\1\0\0\0\0", 10) +
           packet.substr(kHeader, end - kHeader) +
           std::string("\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4", 12) + answer_;
  }

  os::UniqueFd socket_;
  const os::UniqueFd stop_;
  std::string answer_;
  std::thread thread_;
};

}  // namespace keelson::cluster
