// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/ipam/blocks.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "lib/base/strings.h"

namespace keelson::controllers::ipam {
namespace {

constexpr int kMostBits = 16;  // of the number of a piece, as upstream's limit

}  // namespace

std::optional<Blocks::Range> Blocks::Read(std::string_view block) {
  const size_t slash = block.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const std::optional<uint64_t> length = base::ParseUint64(block.substr(slash + 1));
  Range range;
  range.v6 = block.find(':') != std::string_view::npos;
  const int bits = range.v6 ? 128 : 32;
  std::array<uint8_t, 16> bytes{};
  const std::string address(block.substr(0, slash));
  if (!length || *length > static_cast<uint64_t>(bits) ||
      inet_pton(range.v6 ? AF_INET6 : AF_INET, address.c_str(), bytes.data()) != 1)
    return std::nullopt;
  range.length = static_cast<int>(*length);
  for (int i = 0; i < bits / 8; ++i) range.first = range.first << 8 | bytes[static_cast<size_t>(i)];
  const int host = bits - range.length;
  range.first = host >= 128 ? 0 : range.first >> host << host;
  return range;
}

base::Result<Blocks> Blocks::Parse(std::string_view block, int v4_length, int v6_length) {
  const std::optional<Range> range = Read(block);
  if (!range)
    return base::InvalidArgument("'{}' is no block of addresses such as 10.42.0.0/16", block);
  const int length = range->v6 ? v6_length : v4_length;
  Blocks out;
  out.v6_ = range->v6;
  out.bits_ = range->v6 ? 128 : 32;
  out.first_ = range->first;
  out.piece_length_ = length;
  if (length < range->length || length > out.bits_)
    return base::InvalidArgument("nodes' networks of length {} do not fit into '{}'", length,
                                 block);
  if (length - range->length > kMostBits)
    return base::InvalidArgument("'{}' is too large for nodes' networks of length {}", block,
                                 length);
  out.taken_.resize(size_t{1} << (length - range->length));
  return out;
}

std::optional<std::string> Blocks::Take() {
  for (size_t i = 0; i < taken_.size(); ++i) {
    const size_t at = (next_ + i) % taken_.size();
    if (taken_[at] != 0) continue;
    ++taken_[at];
    next_ = (at + 1) % taken_.size();
    const int host = bits_ - piece_length_;
    Wide address = first_ + (host >= 128 ? 0 : Wide{at} << host);
    std::array<uint8_t, 16> bytes{};
    for (size_t byte = static_cast<size_t>(bits_ / 8); byte-- > 0; address >>= 8)
      bytes[byte] = static_cast<uint8_t>(address);
    char text[INET6_ADDRSTRLEN];
    (void)inet_ntop(v6_ ? AF_INET6 : AF_INET, bytes.data(), text, sizeof text);
    return fmt::format("{}/{}", text, piece_length_);
  }
  return std::nullopt;
}

void Blocks::Mark(std::string_view block, int by) {
  const std::optional<Range> range = Read(block);
  if (!range || range->v6 != v6_) return;
  const auto size_of = [&](int length) {
    return bits_ - length >= 128 ? ~Wide{0} : (Wide{1} << (bits_ - length)) - 1;
  };
  const int host = bits_ - piece_length_;
  const Wide last = first_ + (host >= 128 ? 0 : (Wide{taken_.size()} << host) - 1);
  const Wide range_last = range->first + size_of(range->length);
  if (range_last < first_ || range->first > last) return;
  const Wide from = std::max(range->first, first_) - first_;
  const Wide to = std::min(range_last, last) - first_;
  for (Wide piece = host >= 128 ? 0 : from >> host; piece <= (host >= 128 ? 0 : to >> host);
       ++piece)
    taken_[static_cast<size_t>(piece)] = std::max(0, taken_[static_cast<size_t>(piece)] + by);
}

base::Result<std::vector<Blocks>> ReadNetworks(const Networks& networks) {
  std::vector<Blocks> blocks;
  for (const std::string& block : networks.cluster) {
    ASSIGN_OR_RETURN(Blocks parsed,
                     Blocks::Parse(block, networks.node_length_v4, networks.node_length_v6));
    for (const std::string& service : networks.services) parsed.Occupy(service);
    blocks.push_back(std::move(parsed));
  }
  if (blocks.size() > 2 || (blocks.size() == 2 && blocks[0].v6() == blocks[1].v6()))
    return base::InvalidArgument("the cluster's networks are one block, or one of each family");
  return blocks;
}

}  // namespace keelson::controllers::ipam
