// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/allocation/ip_range.h"

#include <algorithm>

namespace keelson::allocation {

using base::IpAddress;
using base::IpBlock;

namespace {

constexpr uint64_t kLargest = uint64_t{1} << 32;  // more of a block are not given out

}  // namespace

base::Result<IpRange> IpRange::Parse(std::string_view cidr) {
  const std::optional<IpBlock> block = IpBlock::Parse(cidr);
  if (!block)
    return base::InvalidArgument("'{}' is no block of addresses such as 10.43.0.0/16", cidr);
  IpRange range;
  range.block_ = *block;
  const int host = block->address.bits() - block->bits;
  if (host < 3)
    return base::InvalidArgument("'{}' has no room for services: take a /{} or larger", cidr,
                                 block->address.bits() - 3);
  range.size_ = host >= 32 ? kLargest : uint64_t{1} << host;
  // An IPv4 block's last address is its broadcast.
  if (!range.v6()) --range.size_;
  return range;
}

bool IpRange::Contains(std::string_view address) const {
  const std::optional<IpAddress> one = IpAddress::Parse(address);
  const base::IpNumber first = block_.address.Number();
  return one && one->v6 == v6() && one->Number() > first && one->Number() - first < size_;
}

std::string IpRange::At(uint64_t n) const {
  return IpAddress::FromNumber(block_.address.Number() + n, v6()).Text();
}

std::optional<std::string> IpRange::Pick(const std::function<bool(const std::string&)>& taken,
                                         const Random& random) const {
  // Upstream's division: a sixteenth, 16 to 256 of them, is left to those who choose.
  const uint64_t lower = std::min<uint64_t>(std::clamp<uint64_t>(size_ / 16, 16, 256), size_ / 2);
  for (const auto& [from, to] : {std::pair{lower, size_}, std::pair{uint64_t{1}, lower}}) {
    const uint64_t count = to - from;
    const uint64_t start = random(count);
    for (uint64_t i = 0; i < std::min<uint64_t>(count, 1u << 20); ++i) {
      std::string address = At(from + (start + i) % count);
      if (!taken(address)) return address;
    }
  }
  return std::nullopt;
}

std::optional<std::string> CanonicalAddress(std::string_view text) {
  const std::optional<IpAddress> address = IpAddress::Parse(text);
  return address ? std::optional(address->Text()) : std::nullopt;
}

}  // namespace keelson::allocation
