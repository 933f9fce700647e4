// SPDX-License-Identifier: Apache-2.0
// Times and durations as Go reads and writes them.
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "minimal-master/schema/json_text.h"
#include "minimal-master/schema/scalars.h"

namespace keelson::schema {
namespace {

// Days since 1970-01-01 in the Gregorian calendar, years from March as in Howard Hinnant's note
// "chrono-compatible low-level date algorithms".
int64_t DaysFromDate(int64_t year, int month, int day) {
  year -= month <= 2 ? 1 : 0;
  const int64_t era = (year >= 0 ? year : year - 399) / 400;
  const int64_t of_era = year - era * 400;
  const int of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

struct Date {
  int64_t year;
  int month;
  int day;
};
Date DateFromDays(int64_t days) {
  days += 719468;
  const int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  const auto of_era = static_cast<int>(days - era * 146097);
  const int year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  const int of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int shifted = (5 * of_year + 2) / 153;
  const int month = shifted < 10 ? shifted + 3 : shifted - 9;
  return {year_of_era + era * 400 + (month <= 2 ? 1 : 0), month,
          of_year - (153 * shifted + 2) / 5 + 1};
}

int DaysIn(int month, int year) {
  static constexpr std::array<int, 12> kDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return month == 2 && leap ? 29 : kDays[static_cast<size_t>(month - 1)];
}

constexpr std::string_view kSeconds = "2006-01-02T15:04:05Z07:00";
constexpr std::string_view kMicros = "2006-01-02T15:04:05.000000Z07:00";

class TimeReader {
 public:
  TimeReader(std::string_view text, bool micro) : all_(text), rest_(text), micro_(micro) {}

  base::Result<std::string> Read() {
    int year = 0;
    int month = 0;
    int day = 0;
    int hour = 0;
    int minute = 0;
    int second = 0;
    RETURN_IF_ERROR(Digits(4, "2006", year));
    RETURN_IF_ERROR(Letter('-'));
    RETURN_IF_ERROR(Digits(2, "01", month));
    if (month < 1 || month > 12) return OutOfRange("month");
    RETURN_IF_ERROR(Letter('-'));
    RETURN_IF_ERROR(Digits(2, "02", day));
    RETURN_IF_ERROR(Letter('T'));
    RETURN_IF_ERROR(Digits(2, "15", hour));
    if (hour > 23) return OutOfRange("hour");
    RETURN_IF_ERROR(Letter(':'));
    RETURN_IF_ERROR(Digits(2, "04", minute));
    if (minute > 59) return OutOfRange("minute");
    RETURN_IF_ERROR(Letter(':'));
    RETURN_IF_ERROR(Digits(2, "05", second));
    if (second > 59) return OutOfRange("second");
    int nanos = 0;
    RETURN_IF_ERROR(Fraction(nanos));
    int offset = 0;
    RETURN_IF_ERROR(Zone(offset));
    if (!rest_.empty())
      return base::InvalidArgument("parsing time {}: extra text: {}", QuoteForMessage(all_),
                                   QuoteForMessage(rest_));
    if (day < 1 || day > DaysIn(month, year)) return OutOfRange("day");
    const int64_t of_day = hour * int64_t{3600} + minute * int64_t{60} + second;
    return FormatTime(DaysFromDate(year, month, day) * 86400 + of_day - offset, nanos, micro_);
  }

 private:
  base::Error Cannot(std::string_view element) const {
    return base::InvalidArgument("parsing time {} as {}: cannot parse {} as {}",
                                 QuoteForMessage(all_),
                                 QuoteForMessage(micro_ ? kMicros : kSeconds),
                                 QuoteForMessage(rest_), QuoteForMessage(element));
  }
  base::Error OutOfRange(std::string_view what) const {
    return base::InvalidArgument("parsing time {}: {} out of range", QuoteForMessage(all_), what);
  }
  base::Status Digits(size_t count, std::string_view element, int& out) {
    if (rest_.size() < count) return Cannot(element);
    int value = 0;
    for (size_t i = 0; i < count; ++i) {
      if (rest_[i] < '0' || rest_[i] > '9') return Cannot(element);
      value = value * 10 + (rest_[i] - '0');
    }
    rest_.remove_prefix(count);
    out = value;
    return base::Ok();
  }
  base::Status Letter(char c) {
    if (!rest_.starts_with(c)) return Cannot(std::string_view(&c, 1));
    rest_.remove_prefix(1);
    return base::Ok();
  }
  base::Status Fraction(int& nanos) {
    size_t digits = 0;
    if (rest_.starts_with('.') || rest_.starts_with(',')) {
      while (digits + 1 < rest_.size() && rest_[digits + 1] >= '0' && rest_[digits + 1] <= '9')
        ++digits;
    }
    if (micro_ && digits != 6) return Cannot(".000000");
    if (digits == 0) return base::Ok();
    for (size_t i = 1; i <= 9; ++i) nanos = nanos * 10 + (i <= digits ? rest_[i] - '0' : 0);
    rest_.remove_prefix(digits + 1);
    return base::Ok();
  }
  base::Status Zone(int& offset) {
    if (rest_.starts_with('Z')) {
      rest_.remove_prefix(1);
      return base::Ok();
    }
    const std::string_view at_zone = rest_;
    if (!rest_.starts_with('+') && !rest_.starts_with('-')) return Cannot("Z07:00");
    const bool west = rest_[0] == '-';
    rest_.remove_prefix(1);
    int hours = 0;
    int minutes = 0;
    const bool good = Digits(2, "", hours).ok() && Letter(':').ok() &&
                      Digits(2, "", minutes).ok() && hours <= 24 && minutes < 60;
    if (!good) {
      rest_ = at_zone;
      return Cannot("Z07:00");
    }
    offset = (hours * 60 + minutes) * 60 * (west ? -1 : 1);
    return base::Ok();
  }

  std::string_view all_;
  std::string_view rest_;
  bool micro_;
};

struct Unit {
  std::string_view name;
  int64_t nanos;
};
constexpr Unit kUnits[] = {{"ns", 1},           {"us", 1000},      {"\xC2\xB5s", 1000},
                           {"ms", 1000000},     {"s", 1000000000}, {"m", 60000000000},
                           {"h", 3600000000000}};

}  // namespace

base::Result<std::string> CanonicalTime(std::string_view text, bool micro) {
  return TimeReader(text, micro).Read();
}

std::string FormatTime(int64_t seconds, int32_t nanos, bool micro) {
  if (seconds < -100'000'000'000 || seconds > 1'000'000'000'000) return "";
  const int64_t days = (seconds >= 0 ? seconds : seconds - 86399) / 86400;
  const auto of_day = static_cast<int>(seconds - days * 86400);
  if (nanos < 0 || nanos > 999'999'999 || days < -719528 || days > 2932896) return "";
  const Date date = DateFromDays(days);
  std::string out = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", date.year, date.month,
                                date.day, of_day / 3600, of_day / 60 % 60, of_day % 60);
  if (micro) out += fmt::format(".{:06}", nanos / 1000);
  return out + "Z";
}

void SplitTime(std::string_view text, int64_t& seconds, int32_t& nanos) {
  seconds = 0;
  nanos = 0;
  if (text.size() < 20) return;
  const std::string s(text);
  const auto number = [&s](size_t at, size_t count) {
    return std::atoi(s.substr(at, count).c_str());
  };
  const int64_t of_day =
      number(11, 2) * int64_t{3600} + number(14, 2) * int64_t{60} + number(17, 2);
  seconds = DaysFromDate(number(0, 4), number(5, 2), number(8, 2)) * 86400 + of_day;
  if (s[19] == '.' && s.size() >= 26) nanos = number(20, 6) * 1000;
}

base::Result<int64_t> ParseDuration(std::string_view text) {
  const auto bad = [&] {
    return base::InvalidArgument("time: invalid duration {}", QuoteForMessage(text));
  };
  std::string_view rest = text;
  const bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  if (rest == "0") return int64_t{0};
  if (rest.empty()) return bad();
  double total = 0;  // durations of the API are short: their nanoseconds are exact in 53 bits
  while (!rest.empty()) {
    const size_t end = std::min(rest.find_first_not_of("0123456789."), rest.size());
    const std::string digits(rest.substr(0, end));
    if (digits.empty() || digits == "." || digits.find('.') != digits.rfind('.')) return bad();
    rest.remove_prefix(end);
    const std::string_view name = rest.substr(0, rest.find_first_of("0123456789."));
    if (name.empty())
      return base::InvalidArgument("time: missing unit in duration {}", QuoteForMessage(text));
    int64_t nanos = 0;
    for (const Unit& unit : kUnits) {
      if (unit.name == name) nanos = unit.nanos;
    }
    if (nanos == 0)
      return base::InvalidArgument("time: unknown unit {} in duration {}", QuoteForMessage(name),
                                   QuoteForMessage(text));
    rest.remove_prefix(name.size());
    total += std::strtod(digits.c_str(), nullptr) * static_cast<double>(nanos);
    if (total > 9.2e18) return bad();
  }
  return static_cast<int64_t>(negative ? -total : total);
}

std::string FormatDuration(int64_t nanos) {
  if (nanos == 0) return "0s";
  std::string out = nanos < 0 ? "-" : "";
  const uint64_t size =
      nanos < 0 ? ~static_cast<uint64_t>(nanos) + 1 : static_cast<uint64_t>(nanos);
  const auto decimal = [](uint64_t amount, uint64_t unit) {
    std::string text = std::to_string(amount / unit);
    std::string fraction = std::to_string(unit + amount % unit).substr(1);
    fraction.erase(fraction.find_last_not_of('0') + 1);
    return fraction.empty() ? text : text + "." + fraction;
  };
  if (size < 1000) return out + std::to_string(size) + "ns";
  if (size < 1000000) return out + decimal(size, 1000) + "\xC2\xB5s";
  if (size < 1000000000) return out + decimal(size, 1000000) + "ms";
  const uint64_t minutes = size / 60000000000;
  if (minutes >= 60) out += std::to_string(minutes / 60) + "h";
  if (minutes > 0) out += std::to_string(minutes % 60) + "m";
  return out + decimal(size % 60000000000, 1000000000) + "s";
}

base::Result<std::string> CanonicalDuration(std::string_view text) {
  ASSIGN_OR_RETURN(const int64_t nanos, ParseDuration(text));
  return FormatDuration(nanos);
}

}  // namespace keelson::schema
