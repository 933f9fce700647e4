// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/ipam/blocks.h"

#include <algorithm>

namespace keelson::controllers::ipam {

using base::IpAddress;
using base::IpBlock;
using Wide = base::IpNumber;

namespace {

constexpr int kMostBits = 16;  // of the number of a piece, as upstream's limit

}  // namespace

base::Result<Blocks> Blocks::Parse(std::string_view block, int v4_length, int v6_length) {
  const std::optional<IpBlock> range = IpBlock::Parse(block);
  if (!range)
    return base::InvalidArgument("'{}' is no block of addresses such as 10.42.0.0/16", block);
  const int length = range->address.v6 ? v6_length : v4_length;
  Blocks out;
  out.block_ = *range;
  out.piece_length_ = length;
  if (length < range->bits || length > range->address.bits())
    return base::InvalidArgument("nodes' networks of length {} do not fit into '{}'", length,
                                 block);
  if (length - range->bits > kMostBits)
    return base::InvalidArgument("'{}' is too large for nodes' networks of length {}", block,
                                 length);
  out.taken_.resize(size_t{1} << (length - range->bits));
  return out;
}

std::optional<std::string> Blocks::Take() {
  for (size_t i = 0; i < taken_.size(); ++i) {
    const size_t at = (next_ + i) % taken_.size();
    if (taken_[at] != 0) continue;
    ++taken_[at];
    next_ = (at + 1) % taken_.size();
    const int host = block_.address.bits() - piece_length_;
    const Wide first = block_.address.Number() + (host >= 128 ? 0 : Wide{at} << host);
    return IpBlock{IpAddress::FromNumber(first, v6()), piece_length_}.Text();
  }
  return std::nullopt;
}

void Blocks::Mark(std::string_view block, int by) {
  const std::optional<IpBlock> range = IpBlock::Parse(block);
  if (!range || range->address.v6 != v6()) return;
  const int bits = block_.address.bits(), host = bits - piece_length_;
  const Wide first = block_.address.Number(), range_first = range->address.Number();
  const Wide last = first + (host >= 128 ? 0 : (Wide{taken_.size()} << host) - 1);
  const Wide range_last =
      range_first + (bits - range->bits >= 128 ? ~Wide{0} : (Wide{1} << (bits - range->bits)) - 1);
  if (range_last < first || range_first > last) return;
  const Wide from = std::max(range_first, first) - first;
  const Wide to = std::min(range_last, last) - first;
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
