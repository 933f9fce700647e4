// SPDX-License-Identifier: Apache-2.0
#include "lib/json/scalar.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace keelson::json {
namespace {

bool IsOneOf(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Whole numbers with their sign and base; nothing when it is not one or does not fit.
std::optional<Value> Integer(std::string_view text) {
  bool negative = false;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  if (text.empty() || !IsDigit(text[0])) return std::nullopt;
  int base = 10;
  if (text.size() > 1 && text[0] == '0') {
    const char mark = text[1];
    base = mark == 'x' || mark == 'X' ? 16 : mark == 'b' || mark == 'B' ? 2 : 8;
    text.remove_prefix(base == 8 && mark != 'o' && mark != 'O' ? 1 : 2);
  }
  uint64_t size = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), size, base);
  if (result.ec != std::errc() || result.ptr != text.data() + text.size()) return std::nullopt;
  constexpr uint64_t kMost = INT64_MAX;
  if (negative) {
    if (size > kMost + 1) return std::nullopt;
    return Value(static_cast<int64_t>(~size + 1));
  }
  if (size > kMost) return Value(static_cast<double>(size));
  return Value(static_cast<int64_t>(size));
}

// [-+]?(\.d+|d+(\.d*)?)([eE][-+]?d+)?
bool LooksLikeFloat(std::string_view text) {
  size_t at = 0;
  const auto digits = [&] {
    const size_t before = at;
    while (at < text.size() && IsDigit(text[at])) ++at;
    return at - before;
  };
  const auto sign = [&] {
    if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
  };
  sign();
  const size_t whole = digits();
  size_t fraction = 0;
  if (at < text.size() && text[at] == '.') {
    ++at;
    fraction = digits();
  }
  if (whole + fraction == 0) return false;
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    sign();
    if (digits() == 0) return false;
  }
  return at == text.size();
}

}  // namespace

std::optional<Value> ResolvePlainScalar(std::string_view text) {
  if (IsOneOf(text, {"", "~", "null", "Null", "NULL"})) return Value();
  if (IsOneOf(text, {"y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"}))
    return Value(true);
  if (IsOneOf(text, {"n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"}))
    return Value(false);
  if (IsOneOf(text, {".nan", ".NaN", ".NAN", ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF",
                     "-.inf", "-.Inf", "-.INF"})) {
    return std::nullopt;
  }
  if (!IsDigit(text[0]) && text[0] != '.' && text[0] != '-' && text[0] != '+') return Value(text);
  std::string plain(text);
  if (text[0] != '.') std::erase(plain, '_');
  if (std::optional<Value> integer = Integer(plain)) return integer;
  if (!LooksLikeFloat(plain)) return Value(text);
  const size_t skip = plain[0] == '+' ? 1 : 0;
  double d = 0;
  const auto result = std::from_chars(plain.data() + skip, plain.data() + plain.size(), d);
  if (result.ec != std::errc()) return Value(text);
  if (d == std::trunc(d) && std::fabs(d) < 9.2e18) return Value(static_cast<int64_t>(d));
  return Value(d);
}

}  // namespace keelson::json
