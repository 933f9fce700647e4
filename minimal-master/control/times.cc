// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/control/times.h"

#include <fmt/format.h>

#include <ctime>

#include "lib/base/rfc3339.h"

namespace keelson::control {
namespace {

std::string Text(int64_t seconds) {
  const std::time_t time = seconds;
  std::tm utc{};
  gmtime_r(&time, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", utc.tm_year + 1900, utc.tm_mon + 1,
                     utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec);
}

}  // namespace

std::string TimeText(int64_t wall_nanos) { return Text(wall_nanos / 1'000'000'000) + "Z"; }

std::string MicroTimeText(int64_t wall_nanos) {
  return fmt::format("{}.{:06}Z", Text(wall_nanos / 1'000'000'000),
                     wall_nanos % 1'000'000'000 / 1'000);
}

std::optional<int64_t> ReadTime(std::string_view text) { return base::ParseRfc3339(text); }

}  // namespace keelson::control
