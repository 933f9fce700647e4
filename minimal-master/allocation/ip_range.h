// SPDX-License-Identifier: Apache-2.0
// A block of addresses of which single ones are given out. Plain value, any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "lib/base/ip_address.h"
#include "lib/base/result.h"

namespace keelson::allocation {

// A number below the bound.
using Random = std::function<uint64_t(uint64_t bound)>;

class IpRange {
 public:
  // "10.43.0.0/16", "fd00::/112". Refuses text that is none, and blocks without room for eight.
  static base::Result<IpRange> Parse(std::string_view cidr);

  bool v6() const { return block_.address.v6; }
  const char* family() const { return v6() ? "IPv6" : "IPv4"; }
  bool Contains(std::string_view address) const;
  // The n-th address; 0 is the network's own, which nobody gets.
  std::string At(uint64_t n) const;
  // One that is free, from the upper part first: the lower one is for those who choose theirs.
  // Nothing: none is left.
  std::optional<std::string> Pick(const std::function<bool(const std::string&)>& taken,
                                  const Random& random) const;

 private:
  base::IpBlock block_;
  uint64_t size_ = 0;  // addresses that can be given out, the network's own among them
};

// Nothing: it is no address. Both families' texts in one form: "::1" for "0:0::1".
std::optional<std::string> CanonicalAddress(std::string_view text);

}  // namespace keelson::allocation
