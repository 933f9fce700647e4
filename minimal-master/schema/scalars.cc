// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/schema/scalars.h"

#include <cctype>
#include <optional>

#include "lib/base/strings.h"
#include "lib/kube/quantity.h"

namespace keelson::schema {
namespace {

// Where Go's decoder stops, or the text's size for good text.
size_t Base64Fault(std::string_view text) {
  const auto is_break = [&](size_t i) { return text[i] == '\n' || text[i] == '\r'; };
  size_t at = 0;
  size_t digits = 0;  // of the group of four
  while (at < text.size()) {
    const auto c = static_cast<unsigned char>(text[at]);
    if (is_break(at)) {
      ++at;
      continue;
    }
    if (std::isalnum(c) != 0 || c == '+' || c == '/') {
      digits = (digits + 1) % 4;
      ++at;
      continue;
    }
    if (c != '=' || digits < 2) return at;
    ++at;
    if (digits == 2) {
      while (at < text.size() && is_break(at)) ++at;
      if (at == text.size()) return at;
      if (text[at] != '=') return at;
      ++at;
    }
    while (at < text.size() && is_break(at)) ++at;
    return at;
  }
  return digits == 0 ? at : at - digits;
}

}  // namespace

base::Result<std::string> CanonicalQuantity(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())) != 0)
    text.remove_prefix(1);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0)
    text.remove_suffix(1);
  // The usual case: a whole number without zeros to fold and without a suffix to look at.
  if (!text.empty() && text.size() < 16 && text[0] >= '1' && text[0] <= '9' && text.back() != '0' &&
      text.find_first_not_of("0123456789") == std::string_view::npos)
    return std::string(text);
  const base::Result<kube::Quantity> quantity = kube::Quantity::Parse(text);
  if (quantity.ok()) return quantity->Canonical();
  // Upstream stores the most it can hold instead.
  if (quantity.error().message().ends_with("is too large"))
    return std::string(text.front() == '-' ? "-9223372036854775807" : "9223372036854775807");
  return base::InvalidArgument(
      "quantities must match the regular expression "
      "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
}

base::Result<std::string> CanonicalBase64(std::string_view text) {
  const size_t fault = Base64Fault(text);
  const auto bad = [](size_t at) {
    return base::InvalidArgument("illegal base64 data at input byte {}", at);
  };
  if (fault != text.size()) return bad(fault);
  std::string plain(text);
  std::erase_if(plain, [](char c) { return c == '\n' || c == '\r'; });
  const std::optional<std::string> bytes = base::Base64Decode(plain);
  if (bytes) return base::Base64Encode(*bytes);
  return bad(fault);
}

}  // namespace keelson::schema
