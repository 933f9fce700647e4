// SPDX-License-Identifier: Apache-2.0
// Bytes that a URL writes as %XX. Pure, any thread. Source: RFC 3986, 2.1.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace keelson::base {

// Nothing where a '%' is not followed by two hexadecimal digits.
std::optional<std::string> PercentDecode(std::string_view text, bool plus_is_space = false);
// The byte that the first three characters say, if they are such an escape.
std::optional<char> ReadEscape(std::string_view text);

}  // namespace keelson::base
