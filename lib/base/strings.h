// SPDX-License-Identifier: Apache-2.0
// Small string functions that the standard library lacks. Pure, any thread.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace keelson::base {

std::vector<std::string_view> Split(std::string_view text,
                                    char separator);  // "a,,b" → {"a", "", "b"}; "" → {""}
template <typename T>
  requires std::same_as<T, std::string>
std::vector<std::string_view> Split(T&& text, char separator) =
    delete;  // the parts would be those of a string that is gone
std::string Join(const std::vector<std::string>& parts, std::string_view separator);
std::string_view Trim(std::string_view text);          // ASCII white space at both ends
bool ContainsControlCharacter(std::string_view text);  // bytes below 0x20 and 0x7f
std::string ToLower(std::string_view ascii);

// Decimal digits only: no sign, no space, no prefix; nothing when it does not fit.
std::optional<uint64_t> ParseUint64(std::string_view text);
// As above with one leading '-' allowed.
std::optional<int64_t> ParseInt64(std::string_view text);

std::string HexEncode(std::string_view bytes);
// Of a part of a URL: everything but RFC 3986's unreserved characters as %XX.
std::string PercentEncode(std::string_view text);
std::string Base64Encode(std::string_view bytes);
std::optional<std::string> Base64Decode(
    std::string_view text);  // standard alphabet, padding required

// 'text' as it is, or in double quotes with \-escapes when it holds spaces, quotes, '=' or control
// characters, or is empty.
std::string QuoteIfNeeded(std::string_view text);

}  // namespace keelson::base
