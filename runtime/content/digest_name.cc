// SPDX-License-Identifier: Apache-2.0
#include "runtime/content/digest_name.h"

namespace keelson::content {
namespace {

constexpr std::string_view kPrefix = "sha256:";

}  // namespace

bool IsDigest(std::string_view text) {
  if (!text.starts_with(kPrefix) || text.size() != kPrefix.size() + 64) return false;
  for (const char c : text.substr(kPrefix.size())) {
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
  }
  return true;
}

std::string_view HexOf(std::string_view digest) { return digest.substr(kPrefix.size()); }

}  // namespace keelson::content
