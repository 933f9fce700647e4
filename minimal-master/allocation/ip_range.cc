// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/allocation/ip_range.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

#include "lib/base/strings.h"

namespace keelson::allocation {
namespace {

__extension__ using Wide = unsigned __int128;

constexpr uint64_t kLargest = uint64_t{1} << 32;  // more of a block are not given out

std::optional<Wide> Number(std::string_view text, bool& v6) {
  std::array<uint8_t, 16> bytes{};
  const std::string copy(text);
  v6 = copy.find(':') != std::string::npos;
  if (inet_pton(v6 ? AF_INET6 : AF_INET, copy.c_str(), bytes.data()) != 1) return std::nullopt;
  Wide number = 0;
  for (size_t i = 0; i < (v6 ? 16u : 4u); ++i) number = number << 8 | bytes[i];
  return number;
}

std::string Text(Wide number, bool v6) {
  std::array<uint8_t, 16> bytes{};
  const size_t count = v6 ? 16 : 4;
  for (size_t i = count; i-- > 0; number >>= 8) bytes[i] = static_cast<uint8_t>(number);
  char out[INET6_ADDRSTRLEN];
  (void)inet_ntop(v6 ? AF_INET6 : AF_INET, bytes.data(), out, sizeof out);
  return out;
}

}  // namespace

base::Result<IpRange> IpRange::Parse(std::string_view cidr) {
  const size_t slash = cidr.find('/');
  // Without a length: one that is refused below.
  const uint64_t length = slash == std::string_view::npos
                              ? UINT64_MAX
                              : base::ParseUint64(cidr.substr(slash + 1)).value_or(UINT64_MAX);
  IpRange range;
  const std::optional<Wide> number = Number(cidr.substr(0, slash), range.v6_);
  range.bits_ = range.v6_ ? 128 : 32;
  if (!number || length > static_cast<uint64_t>(range.bits_))
    return base::InvalidArgument("'{}' is no block of addresses such as 10.43.0.0/16", cidr);
  const int host = range.bits_ - static_cast<int>(length);
  if (host < 3)
    return base::InvalidArgument("'{}' has no room for services: take a /{} or larger", cidr,
                                 range.bits_ - 3);
  range.size_ = host >= 32 ? kLargest : uint64_t{1} << host;
  range.base_ = host >= 128 ? 0 : *number >> host << host;
  // An IPv4 block's last address is its broadcast.
  if (!range.v6_) --range.size_;
  return range;
}

bool IpRange::Contains(std::string_view address) const {
  bool v6 = false;
  const std::optional<Wide> number = Number(address, v6);
  return number && v6 == v6_ && *number > base_ && *number - base_ < size_;
}

std::string IpRange::At(uint64_t n) const { return Text(base_ + n, v6_); }

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
  bool v6 = false;
  const std::optional<Wide> number = Number(text, v6);
  if (!number) return std::nullopt;
  return Text(*number, v6);
}

bool IsV6(std::string_view address) { return address.find(':') != std::string_view::npos; }

}  // namespace keelson::allocation
