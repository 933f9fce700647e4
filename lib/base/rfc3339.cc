// SPDX-License-Identifier: Apache-2.0
#include "lib/base/rfc3339.h"

#include <fmt/format.h>

#include <ctime>

namespace keelson::base {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

// A reader that fails for good at the first character that does not fit.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  int Digits(size_t count) {
    int value = 0;
    for (size_t i = 0; i < count; ++i) {
      if (rest_.empty() || rest_[0] < '0' || rest_[0] > '9') return Fail();
      value = value * 10 + (rest_[0] - '0');
      rest_.remove_prefix(1);
    }
    return value;
  }
  int Number(size_t digits, int lowest, int highest) {
    const int value = Digits(digits);
    return value < lowest || value > highest ? Fail() : value;
  }
  bool Take(char c) {
    if (rest_.empty() || rest_[0] != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void Expect(char c) {
    if (!Take(c)) Fail();
  }
  int Fail() {
    good_ = false;
    rest_ = {};
    return 0;
  }
  char Front() const { return rest_.empty() ? '\0' : rest_[0]; }
  bool Whole() const { return good_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool good_ = true;
};

}  // namespace

std::optional<int64_t> ParseRfc3339(std::string_view text) {
  Reader reader(text);
  std::tm date{};
  date.tm_year = reader.Number(4, 1970, 2261) - 1900;
  reader.Expect('-');
  date.tm_mon = reader.Number(2, 1, 12) - 1;
  reader.Expect('-');
  date.tm_mday = reader.Number(2, 1, 31);
  reader.Expect('T');
  int64_t seconds = int64_t{3600} * reader.Number(2, 0, 23);
  reader.Expect(':');
  seconds += int64_t{60} * reader.Number(2, 0, 59);
  reader.Expect(':');
  seconds += reader.Number(2, 0, 60);  // a leap second counts as the next one's first
  int64_t nanos = 0;
  if (reader.Take('.')) {
    int64_t unit = kSecond / 10;
    do {
      if (unit == 0) return std::nullopt;
      nanos += reader.Digits(1) * unit;
      unit /= 10;
    } while (reader.Front() >= '0' && reader.Front() <= '9');
  }
  int64_t offset = 0;
  if (!reader.Take('Z')) {
    const int sign = reader.Take('-') ? -1 : 1;
    if (sign > 0) reader.Expect('+');
    offset = int64_t{3600} * reader.Number(2, 0, 23);
    reader.Expect(':');
    offset = sign * (offset + int64_t{60} * reader.Number(2, 0, 59));
  }
  if (!reader.Whole()) return std::nullopt;
  const int day = date.tm_mday;
  seconds += timegm(&date) - offset;
  if (date.tm_mday != day) return std::nullopt;  // timegm(3) turned 30 February into March
  return seconds * kSecond + nanos;
}

std::string FormatRfc3339(int64_t wall_nanos, int digits) {
  const std::time_t time = wall_nanos / kSecond;
  std::tm utc{};
  gmtime_r(&time, &utc);
  std::string out = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", utc.tm_year + 1900,
                                utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec);
  if (digits > 0) {
    const std::string nanos = fmt::format("{:09}", wall_nanos % kSecond);
    out.append(".").append(nanos, 0, static_cast<size_t>(digits));
  }
  return out + "Z";
}

}  // namespace keelson::base
