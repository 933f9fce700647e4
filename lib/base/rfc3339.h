// SPDX-License-Identifier: Apache-2.0
// Points in time as Kubernetes and the CRI write them: 2026-01-02T03:04:05.123456789Z. Pure, any
// thread. Source: RFC 3339, 5.6.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace keelson::base {

// Nanoseconds since the epoch. Up to nine digits behind the point, "Z" or "+hh:mm"; nothing for
// anything else, and for years outside 1970 to 2261, which nanoseconds do not hold.
std::optional<int64_t> ParseRfc3339(std::string_view text);
// UTC: "2026-01-02T03:04:05Z", or with so many digits behind the point (up to nine; what is finer
// is cut off).
std::string FormatRfc3339(int64_t wall_nanos, int digits = 0);

}  // namespace keelson::base
