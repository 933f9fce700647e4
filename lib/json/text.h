// SPDX-License-Identifier: Apache-2.0
// What the readers and writers of this folder share: UTF-8 checks and the text of numbers. Pure,
// any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace keelson::json {

// The length of the well-formed UTF-8 sequence that starts `text` (1-4), 0 if there is none
// (overlong forms, surrogates and code points above U+10FFFF are not well-formed).
size_t Utf8Length(std::string_view text);
bool IsUtf8(std::string_view text);
void AppendUtf8(std::string& out, uint32_t code_point);

// Shortest text that reads back as the same double; no exponent between 1e-6 and 1e21. Not for NaN
// and infinity.
std::string DoubleText(double d);

// In double quotes with JSON's escapes, as Go's %q and as JSON write ordinary text; what is not
// UTF-8 becomes U+FFFD.
std::string Quote(std::string_view text);

}  // namespace keelson::json
