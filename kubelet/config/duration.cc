// SPDX-License-Identifier: Apache-2.0
#include "kubelet/config/duration.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace keelson::config {

std::string DurationText(std::chrono::seconds seconds) {
  const int64_t count = seconds.count();
  std::string text;
  if (count >= 3600) text += std::to_string(count / 3600) + "h";
  if (count >= 60) text += std::to_string(count / 60 % 60) + "m";
  return text + std::to_string(count % 60) + "s";
}

std::string ShortDurationText(std::chrono::microseconds time) {
  const int64_t count = time.count();
  if (count % 1'000'000 == 0) return DurationText(std::chrono::seconds(count / 1'000'000));
  if (count % 1000 == 0) return std::to_string(count / 1000) + "ms";
  return std::to_string(count) + "µs";
}

base::Result<std::chrono::seconds> ParseDuration(const std::string& text) {
  ASSIGN_OR_RETURN(const std::chrono::nanoseconds exact, ParseExactDuration(text));
  return std::chrono::seconds((exact.count() + 500'000'000) / 1'000'000'000);
}

base::Result<std::chrono::nanoseconds> ParseExactDuration(const std::string& text) {
  static const std::map<std::string, double> kUnits = {
      {"ns", 1e-9}, {"us", 1e-6}, {"µs", 1e-6}, {"ms", 1e-3}, {"s", 1}, {"m", 60}, {"h", 3600}};
  if (text == "0") return std::chrono::nanoseconds(0);
  double total = 0;
  size_t at = 0;
  while (at < text.size()) {
    const size_t digits_end = text.find_first_not_of("0123456789.", at);
    const size_t unit_end =
        std::min(text.find_first_of("0123456789.",
                                    digits_end == std::string::npos ? text.size() : digits_end),
                 text.size());
    const auto unit = digits_end == std::string::npos
                          ? kUnits.end()
                          : kUnits.find(text.substr(digits_end, unit_end - digits_end));
    if (digits_end == at || unit == kUnits.end())
      return base::InvalidArgument("\"{}\" is not a duration such as 20s or 1m30s", text);
    const std::string digits = text.substr(at, digits_end - at);
    char* end = nullptr;
    total += std::strtod(digits.c_str(), &end) * unit->second;
    if (end != digits.c_str() + digits.size())
      return base::InvalidArgument("\"{}\" is not a duration such as 20s or 1m30s", text);
    at = unit_end;
  }
  if (text.empty() || !(total <= 1e9))
    return base::InvalidArgument("\"{}\" is not a duration such as 20s or 1m30s", text);
  return std::chrono::nanoseconds(std::llround(total * 1e9));
}

}  // namespace keelson::config
