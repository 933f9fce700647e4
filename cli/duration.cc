// SPDX-License-Identifier: Apache-2.0
#include "cli/duration.h"

#include <charconv>
#include <cmath>

#include "lib/base/rfc3339.h"
#include "lib/base/strings.h"

namespace keelson::cli {
namespace {

constexpr int64_t kMinute = 60, kHour = 60 * kMinute, kDay = 24 * kHour, kYear = 365 * kDay;

std::string Two(int64_t seconds, int64_t unit, const char* name, int64_t small_unit,
                const char* small_name) {
  const int64_t rest = seconds % unit / small_unit;
  return std::to_string(seconds / unit) + name +
         (rest == 0 ? "" : std::to_string(rest) + small_name);
}

int64_t UnitSeconds(char unit) {
  switch (unit) {
    case 's':
      return 1;
    case 'm':
      return kMinute;
    case 'h':
      return kHour;
    case 'd':
      return kDay;
    default:
      return 0;
  }
}

}  // namespace

std::string FormatSpan(int64_t nanoseconds) {
  const int64_t seconds = nanoseconds / kSecond;
  if (seconds < -1) return "<invalid>";
  if (seconds <= 0) return "0s";
  if (seconds < 2 * kMinute) return std::to_string(seconds) + "s";
  if (seconds < 10 * kMinute) return Two(seconds, kMinute, "m", 1, "s");
  if (seconds < 3 * kHour) return std::to_string(seconds / kMinute) + "m";
  if (seconds < 8 * kHour) return Two(seconds, kHour, "h", kMinute, "m");
  if (seconds < 2 * kDay) return std::to_string(seconds / kHour) + "h";
  if (seconds < 8 * kDay) return Two(seconds, kDay, "d", kHour, "h");
  if (seconds < 2 * kYear) return std::to_string(seconds / kDay) + "d";
  if (seconds < 8 * kYear) return Two(seconds, kYear, "y", kDay, "d");
  return std::to_string(seconds / kYear) + "y";
}

std::string FormatSince(std::string_view point, int64_t now) {
  const std::optional<int64_t> then = base::ParseRfc3339(point);
  return then ? FormatSpan(now - *then) : "<unknown>";
}

base::Result<int64_t> ParseSpanSeconds(std::string_view text) {
  const auto refuse = [text] {
    return base::InvalidArgument("{} is not a span of time; write it like 90s, 5m, 1h30m or 2d",
                                 base::QuoteIfNeeded(text));
  };
  double total = 0;
  std::string_view rest = text;
  if (rest.empty()) return refuse();
  while (!rest.empty()) {
    if (rest[0] < '0' || rest[0] > '9') return refuse();
    double number = 0;
    const auto [end, error] =
        std::from_chars(rest.data(), rest.data() + rest.size(), number, std::chars_format::fixed);
    if (error != std::errc()) return refuse();
    const bool alone = rest.size() == text.size() && end == rest.data() + rest.size();
    rest.remove_prefix(static_cast<size_t>(end - rest.data()));
    const int64_t unit = alone ? 1 : rest.empty() ? 0 : UnitSeconds(rest[0]);
    if (unit == 0) return refuse();
    if (!rest.empty()) rest.remove_prefix(1);
    total += number * static_cast<double>(unit);
  }
  constexpr double kMostSeconds = 100.0 * kYear;  // what the API's nanoseconds hold
  if (total > kMostSeconds) return base::InvalidArgument("{} is more than a hundred years", text);
  return static_cast<int64_t>(std::ceil(total));
}

}  // namespace keelson::cli
