// SPDX-License-Identifier: Apache-2.0
// Who is answered: a name server that answers everybody is a weapon of those who forge addresses.
// Plain value, any thread.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace keelson::dns {

class Clients {
 public:
  // Private addresses of both families, loopback and link-local ones: RFC 1918, 4193, 6598.
  static Clients Private();
  // Blocks such as "10.0.0.0/8", "fd00::/8", and "private" for those above; nothing: one of them is
  // none.
  static std::optional<Clients> Parse(const std::vector<std::string>& blocks);

  bool Include(const sockaddr_storage& from) const;

 private:
  struct Block {
    bool v6 = false;
    std::array<uint8_t, 16> bytes{};  // network order; the first four of IPv4
    int bits = 0;
  };
  std::vector<Block> blocks_;
};

}  // namespace keelson::dns
