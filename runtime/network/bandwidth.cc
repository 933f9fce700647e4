// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>

#include "lib/base/strings.h"
#include "runtime/network/network.h"

namespace keelson::network {

using base::Result;

namespace {

constexpr uint64_t kLeast = 1000;
constexpr uint64_t kMost = 1'000'000'000'000'000;

// Kubernetes' quantities as far as a bandwidth can be one: "10M", "1.5G", "512Ki", "2e6".
std::optional<uint64_t> ParseQuantity(std::string_view text) {
  if (text.empty() || text.size() > 32) return std::nullopt;
  size_t at = text[0] == '+' ? 1 : 0;
  long double value = 0, scale = 1;
  bool digits = false, fraction = false;
  for (; at < text.size(); ++at) {
    if (text[at] == '.' && !fraction) {
      fraction = true;
    } else if (text[at] >= '0' && text[at] <= '9') {
      digits = true;
      value = value * 10 + (text[at] - '0');
      if (fraction) scale *= 10;
    } else {
      break;
    }
  }
  if (!digits) return std::nullopt;
  value /= scale;
  const std::string_view suffix = text.substr(at);
  static constexpr std::pair<std::string_view, long double> kSuffixes[] = {
      {"", 1},         {"m", 1e-3L},    {"k", 1e3L},     {"M", 1e6L},     {"G", 1e9L},
      {"T", 1e12L},    {"P", 1e15L},    {"E", 1e18L},    {"Ki", 1024.0L}, {"Mi", 1048576.0L},
      {"Gi", 0x1p30L}, {"Ti", 0x1p40L}, {"Pi", 0x1p50L}, {"Ei", 0x1p60L}};
  bool known = false;
  for (const auto& [name, factor] : kSuffixes) {
    if (suffix != name) continue;
    value *= factor;
    known = true;
  }
  if (!known && suffix.size() > 1 && (suffix[0] == 'e' || suffix[0] == 'E')) {
    const std::optional<int64_t> exponent =
        base::ParseInt64(suffix.substr(suffix[1] == '+' ? 2 : 1));
    if (!exponent || *exponent < -18 || *exponent > 18) return std::nullopt;
    for (int64_t i = 0; i < *exponent; ++i) value *= 10;
    for (int64_t i = 0; i > *exponent; --i) value /= 10;
    known = true;
  }
  if (!known || value > 2.0L * static_cast<long double>(kMost)) return std::nullopt;
  return static_cast<uint64_t>(value);
}

Result<uint64_t> Limit(const std::map<std::string, std::string>& annotations,
                       const std::string& name) {
  const auto found = annotations.find(name);
  if (found == annotations.end()) return uint64_t{0};
  const std::optional<uint64_t> bits = ParseQuantity(found->second);
  if (!bits || *bits < kLeast || *bits > kMost) {
    return base::InvalidArgument(
        "annotation {}: '{}' is not a bandwidth: expected bits a second between 1k and 1P, such "
        "as 10M",
        name, found->second);
  }
  return *bits;
}

}  // namespace

Result<Bandwidth> BandwidthOf(const std::map<std::string, std::string>& annotations) {
  Bandwidth bandwidth;
  ASSIGN_OR_RETURN(bandwidth.in, Limit(annotations, "kubernetes.io/ingress-bandwidth"));
  ASSIGN_OR_RETURN(bandwidth.out, Limit(annotations, "kubernetes.io/egress-bandwidth"));
  return bandwidth;
}

TokenBucket BucketOf(uint64_t bits_per_second) {
  constexpr uint64_t kLargestPacket = 64 << 10;
  constexpr uint64_t kMostBytes = 256 << 20;
  TokenBucket bucket;
  bucket.bytes_per_second = std::max<uint64_t>(bits_per_second / 8, 1);
  bucket.burst =
      static_cast<uint32_t>(std::clamp(bucket.bytes_per_second / 20, kLargestPacket, kMostBytes));
  bucket.limit = static_cast<uint32_t>(
      std::min(bucket.burst + std::max(bucket.bytes_per_second / 10, kLargestPacket), kMostBytes));
  return bucket;
}

const char* ProtocolName(Protocol protocol) {
  return protocol == Protocol::kTcp ? "tcp" : protocol == Protocol::kUdp ? "udp" : "sctp";
}

}  // namespace keelson::network
