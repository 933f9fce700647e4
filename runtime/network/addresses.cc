// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/addresses.h"

#include <set>

#include "lib/base/codec.h"
#include "lib/base/crc32c.h"
#include "lib/base/ip_address.h"

namespace keelson::network {

base::Result<Subnet> ParseSubnet(std::string_view text) {
  const std::optional<base::IpBlock> block = base::IpBlock::Parse(text);
  if (!block || block->address.v6 || block->bits < 8 || block->bits > 29) {
    return base::InvalidArgument(
        "'{}' is not a pod subnet: expected an IPv4 network such as 10.42.0.0/24, prefix 8 to 29",
        text);
  }
  return Subnet{static_cast<uint32_t>(block->address.Number()), block->bits};
}

std::string FormatAddress(uint32_t address) {
  return base::IpAddress::FromNumber(address, false).Text();
}

std::string FormatSubnet(const Subnet& subnet) {
  return FormatAddress(subnet.base) + "/" + std::to_string(subnet.prefix);
}

base::Result<uint32_t> Allocate(const Subnet& subnet, Allocations& allocations,
                                const std::string& owner) {
  if (const auto found = allocations.owners.find(owner); found != allocations.owners.end())
    return found->second;
  std::set<uint32_t> used;
  for (const auto& [id, address] : allocations.owners) used.insert(address);
  const uint32_t count = subnet.Last() - subnet.First() + 1;
  uint32_t candidate = allocations.last;
  for (uint32_t tried = 0; tried < count; ++tried) {
    candidate =
        candidate < subnet.First() || candidate >= subnet.Last() ? subnet.First() : candidate + 1;
    if (used.contains(candidate)) continue;
    allocations.owners[owner] = candidate;
    allocations.last = candidate;
    return candidate;
  }
  return base::ResourceExhausted("all {} addresses of the pod subnet {} are taken", count,
                                 FormatSubnet(subnet));
}

namespace {
constexpr uint32_t kMagic = 0x4d41504b;  // "KPAM"
}  // namespace

std::string EncodeAllocations(const Allocations& allocations) {
  base::Writer w;
  w.U32(kMagic);
  w.U32(1);
  w.U32(allocations.last);
  w.U32(static_cast<uint32_t>(allocations.owners.size()));
  for (const auto& [owner, address] : allocations.owners) {
    w.String(owner);
    w.U32(address);
  }
  const std::string body = w.Take();
  base::Writer sum;
  sum.U32(base::Crc32c(body));
  return body + sum.bytes();
}

base::Result<Allocations> DecodeAllocations(std::string_view bytes) {
  if (bytes.size() < 20) return base::DataLoss("address record is too short");
  const std::string_view body = bytes.substr(0, bytes.size() - 4);
  base::Reader sum(bytes.substr(bytes.size() - 4));
  if (sum.U32() != base::Crc32c(body)) return base::DataLoss("address record has a wrong checksum");
  base::Reader r(body);
  if (r.U32() != kMagic || r.U32() < 1) return base::DataLoss("not an address record");
  Allocations allocations;
  allocations.last = r.U32();
  for (uint32_t n = r.Count(8); n > 0; --n) {
    const std::string owner = r.String();
    allocations.owners[owner] = r.U32();
  }
  if (!r.ok()) return base::DataLoss("address record is malformed");
  return allocations;
}

}  // namespace keelson::network
