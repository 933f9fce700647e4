// SPDX-License-Identifier: Apache-2.0
// Who is answered: a name server that answers everybody is a weapon of those who forge addresses.
// Plain value, any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/base/ip_address.h"

namespace keelson::dns {

class Clients {
 public:
  // Private addresses of both families, loopback and link-local ones: RFC 1918, 4193, 6598.
  static Clients Private();
  // Blocks such as "10.0.0.0/8", "fd00::/8", and "private" for those above; nothing: one of them is
  // none.
  static std::optional<Clients> Parse(const std::vector<std::string>& blocks);

  bool Include(const std::optional<base::IpAddress>& from) const;  // nothing: of neither family

 private:
  std::vector<base::IpBlock> blocks_;
};

}  // namespace keelson::dns
