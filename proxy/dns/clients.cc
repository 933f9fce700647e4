// SPDX-License-Identifier: Apache-2.0
#include "proxy/dns/clients.h"

#include <algorithm>

namespace keelson::dns {
namespace {

constexpr std::string_view kPrivate = "private";

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
    const auto block = base::IpBlock::Parse(text);
    if (!block) return std::nullopt;
    clients.blocks_.push_back(*block);
  }
  return clients;
}

bool Clients::Include(const std::optional<base::IpAddress>& from) const {
  return from && std::any_of(blocks_.begin(), blocks_.end(),
                             [&](const base::IpBlock& block) { return block.Contains(*from); });
}

}  // namespace keelson::dns
