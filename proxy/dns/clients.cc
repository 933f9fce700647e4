// SPDX-License-Identifier: Apache-2.0
#include "proxy/dns/clients.h"

#include <arpa/inet.h>

#include <algorithm>

#include "lib/base/strings.h"

namespace keelson::dns {
namespace {

constexpr std::string_view kPrivate = "private";

// Whether the first `bits` bits are the same.
bool Agree(const uint8_t* a, const uint8_t* b, int bits) {
  const int whole = bits / 8, rest = bits % 8;
  if (!std::equal(a, a + whole, b)) return false;
  return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

}  // namespace

Clients Clients::Private() {
  return *Parse({"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8",
                 "169.254.0.0/16", "::1/128", "fc00::/7", "fe80::/10"});
}

std::optional<Clients> Clients::Parse(const std::vector<std::string>& blocks) {
  Clients clients;
  for (const std::string& text : blocks) {
    if (text == kPrivate) {
      const Clients all = Private();
      clients.blocks_.insert(clients.blocks_.end(), all.blocks_.begin(), all.blocks_.end());
      continue;
    }
    const size_t slash = text.find('/');
    if (slash == std::string::npos) return std::nullopt;
    Block block;
    block.v6 = text.find(':') != std::string::npos;
    const auto bits = base::ParseUint64(std::string_view(text).substr(slash + 1));
    if (!bits || *bits > (block.v6 ? 128u : 32u)) return std::nullopt;
    block.bits = static_cast<int>(*bits);
    if (inet_pton(block.v6 ? AF_INET6 : AF_INET, text.substr(0, slash).c_str(),
                  block.bytes.data()) != 1)
      return std::nullopt;
    clients.blocks_.push_back(block);
  }
  return clients;
}

bool Clients::Include(const sockaddr_storage& from) const {
  const bool v6 = from.ss_family == AF_INET6;
  const auto* bytes =
      v6 ? reinterpret_cast<const sockaddr_in6*>(&from)->sin6_addr.s6_addr
         : reinterpret_cast<const uint8_t*>(&reinterpret_cast<const sockaddr_in*>(&from)->sin_addr);
  return std::any_of(blocks_.begin(), blocks_.end(), [&](const Block& block) {
    return block.v6 == v6 && Agree(block.bytes.data(), bytes, block.bits);
  });
}

}  // namespace keelson::dns
