// SPDX-License-Identifier: Apache-2.0
// The scalars that are more than JSON: read as upstream's types read them, with their words, and
// brought to the form in which they are stored. Pure, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lib/base/result.h"

namespace keelson::schema {

// "2020-01-01T02:00:00+02:00" to "2020-01-01T00:00:00Z"; with `micro` the fraction has six digits,
// in and out. Errors: `parsing time "yesterday" as "…": cannot parse "yesterday" as "2006"`.
base::Result<std::string> CanonicalTime(std::string_view text, bool micro);

// As protobuf has them: seconds since 1970 and nanoseconds. Empty: a year that no text holds.
std::string FormatTime(int64_t seconds, int32_t nanos, bool micro);
// Of a canonical text.
void SplitTime(std::string_view text, int64_t& seconds, int32_t& nanos);

// "90s" to "1m30s".
base::Result<std::string> CanonicalDuration(std::string_view text);
std::string FormatDuration(int64_t nanos);
base::Result<int64_t> ParseDuration(std::string_view text);

// `text` as it stands in JSON without quotes: "1000m" to "1".
base::Result<std::string> CanonicalQuantity(std::string_view text);

// Base64 that decodes, rewritten without line breaks. Errors: "illegal base64 data at input byte
// 3".
base::Result<std::string> CanonicalBase64(std::string_view text);

}  // namespace keelson::schema
