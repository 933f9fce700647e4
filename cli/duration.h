// SPDX-License-Identifier: Apache-2.0
// Spans of time as kubectl writes them ("5m30s", "2d4h") and as people give them ("90s", "1h30m").
// Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lib/base/result.h"

namespace keelson::cli {

constexpr int64_t kSecond = 1'000'000'000;

// Two figures where one would be coarse: under ten minutes, eight hours, eight days, eight years.
// Clocks that differ by less than two seconds do not show.
std::string FormatSpan(int64_t nanoseconds);
// The time from an RFC 3339 point to `now`; "<unknown>" of an empty or unreadable one.
std::string FormatSince(std::string_view point, int64_t now);

// "90s", "1.5h", "1h30m", "2d" in seconds, rounded up; a number alone is seconds. Not negative.
base::Result<int64_t> ParseSpanSeconds(std::string_view text);

}  // namespace keelson::cli
