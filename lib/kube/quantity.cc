// SPDX-License-Identifier: Apache-2.0
#include "lib/kube/quantity.h"

#include <algorithm>
#include <optional>

namespace keelson::kube {
namespace {

constexpr Wide kNano = 1'000'000'000;
// Upstream's largest amount is 2^63-1 units.
constexpr Wide kMost = static_cast<Wide>(INT64_MAX) * kNano;

// Away from zero, as upstream rounds what it cannot hold.
Wide DivideUp(Wide amount, Wide by) {
  const Wide whole = amount / by;
  if (amount % by == 0) return whole;
  return amount < 0 ? whole - 1 : whole + 1;
}

int64_t Saturate(Wide amount) {
  if (amount > INT64_MAX) return INT64_MAX;
  if (amount < INT64_MIN) return INT64_MIN;
  return static_cast<int64_t>(amount);
}

std::string Decimal(Wide amount) {
  if (amount == 0) return "0";
  const bool negative = amount < 0;
  std::string digits;
  for (; amount != 0; amount /= 10)
    digits += static_cast<char>('0' + static_cast<int>(negative ? -(amount % 10) : amount % 10));
  if (negative) digits += '-';
  std::reverse(digits.begin(), digits.end());
  return digits;
}

struct Suffix {
  bool binary = false;
  bool exponent = false;
  int power = 0;  // of 10, or of 1024
};

// Nothing for an unknown suffix.
std::optional<Suffix> ParseSuffix(std::string_view text) {
  static constexpr struct {
    std::string_view text;
    int power;
  } kDecimal[] = {{"n", -9}, {"u", -6}, {"m", -3}, {"", 0},   {"k", 3},
                  {"M", 6},  {"G", 9},  {"T", 12}, {"P", 15}, {"E", 18}};
  static constexpr std::string_view kBinary[] = {"Ki", "Mi", "Gi", "Ti", "Pi", "Ei"};
  for (const auto& s : kDecimal) {
    if (s.text == text) return Suffix{false, false, s.power};
  }
  for (size_t i = 0; i < std::size(kBinary); ++i) {
    if (kBinary[i] == text) return Suffix{true, false, static_cast<int>(i) + 1};
  }
  if (text.size() < 2 || (text[0] != 'e' && text[0] != 'E')) return std::nullopt;
  text.remove_prefix(1);
  const bool negative = text[0] == '-';
  if (text[0] == '-' || text[0] == '+') text.remove_prefix(1);
  if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos)
    return std::nullopt;
  int power = 0;
  for (const char c : text) power = std::min(power * 10 + (c - '0'), 100'000);
  return Suffix{false, true, negative ? -power : power};
}

base::Error Malformed() {
  return base::InvalidArgument(
      "quantities must match the regular expression "
      "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
}

// The canonical decimal form: the largest suffix that leaves no fraction.
std::string DecimalText(Wide nanos, bool exponent) {
  static constexpr std::string_view kSuffixes[] = {"n", "u", "m", "", "k", "M", "G", "T", "P", "E"};
  if (nanos == 0) return "0";
  size_t at = 0;
  while (at + 1 < std::size(kSuffixes) && nanos % 1000 == 0) {
    nanos /= 1000;
    ++at;
  }
  if (!exponent) return Decimal(nanos).append(kSuffixes[at]);
  const int power = static_cast<int>(at) * 3 - 9;
  return power == 0 ? Decimal(nanos) : Decimal(nanos) + "e" + std::to_string(power);
}

std::string BinaryText(Wide nanos) {
  static constexpr std::string_view kSuffixes[] = {"", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"};
  // Upstream leaves the binary form below 1Ki and where there is a fraction.
  if (nanos % kNano != 0 || (nanos < 1024 * kNano && nanos > -1024 * kNano))
    return DecimalText(nanos, false);
  Wide units = nanos / kNano;
  size_t at = 0;
  while (at + 1 < std::size(kSuffixes) && units % 1024 == 0) {
    units /= 1024;
    ++at;
  }
  return Decimal(units).append(kSuffixes[at]);
}

}  // namespace

Quantity Quantity::FromMilli(int64_t milli) {
  Quantity q;
  q.nanos_ = std::clamp(static_cast<Wide>(milli) * 1'000'000, -kMost, kMost);
  q.text_ = DecimalText(q.nanos_, false);
  return q;
}

Quantity Quantity::FromUnits(int64_t units) {
  Quantity q;
  q.nanos_ = std::clamp(static_cast<Wide>(units) * kNano, -kMost, kMost);
  q.text_ = DecimalText(q.nanos_, false);
  return q;
}

base::Result<Quantity> Quantity::Parse(std::string_view text) {
  const std::string_view written = text;
  if (text.empty()) return base::InvalidArgument("quantities must not be empty");
  if (text.size() > 1000) return Malformed();
  const bool negative = text[0] == '-';
  if (text[0] == '-' || text[0] == '+') text.remove_prefix(1);
  const size_t end = std::min(text.find_first_not_of("0123456789."), text.size());
  std::string digits(text.substr(0, end));
  int power = 0;  // of 10: the value is digits * 10^power
  if (const size_t dot = digits.find('.'); dot != std::string::npos) {
    digits.erase(dot, 1);
    power = -static_cast<int>(digits.size() - dot);
    if (digits.find('.') != std::string::npos) return Malformed();
  }
  const std::optional<Suffix> suffix = ParseSuffix(text.substr(end));
  if (digits.empty() || !suffix) return Malformed();

  Quantity q;
  q.text_ = std::string(written);
  digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size()));
  if (digits.empty()) return q;
  if (!suffix->binary) power += suffix->power;
  power += 9;
  // Now digits * 10^power billionths (times 1024^n). Cut what lies far below a billionth, refuse
  // what lies far above the limit.
  const auto too_large = [&] { return base::InvalidArgument("quantity {} is too large", written); };
  if (static_cast<int>(digits.size()) + power > 29) return too_large();
  bool rounded = false;
  Wide amount = 0;
  const Wide scale = suffix->binary ? static_cast<Wide>(1) << (10 * suffix->power) : 1;
  if (suffix->binary && power < 0) {
    // The fraction must be multiplied before it is cut: up to 9 more digits are kept, 1024^6 *
    // 10^18 fits in 128 bits.
    const int keep = std::min<int>(static_cast<int>(digits.size()), 18);
    rounded = digits.find_first_not_of('0', static_cast<size_t>(keep)) != std::string::npos;
    power += static_cast<int>(digits.size()) - keep;
    digits.resize(static_cast<size_t>(keep));
  } else if (power < 0) {
    const size_t keep = digits.size() > static_cast<size_t>(-power)
                            ? digits.size() - static_cast<size_t>(-power)
                            : 0;
    rounded = digits.find_first_not_of('0', keep) != std::string::npos;
    digits.resize(keep);
    power = 0;
  }
  for (const char c : digits) amount = amount * 10 + (c - '0');
  for (; power > 0 && amount != 0; --power) amount *= 10;
  if (amount > kMost / scale && power >= 0) return too_large();
  amount *= scale;
  for (; power < 0 && amount != 0; ++power) {
    rounded = rounded || amount % 10 != 0;
    amount /= 10;
  }
  if (rounded) ++amount;
  if (amount > kMost) return too_large();
  q.nanos_ = negative ? -amount : amount;
  return q;
}

int64_t Quantity::MilliValue() const { return Saturate(DivideUp(nanos_, 1'000'000)); }
int64_t Quantity::Value() const { return Saturate(DivideUp(nanos_, kNano)); }

std::string Quantity::Canonical() const {
  if (text_.ends_with('i')) return BinaryText(nanos_);
  const bool exponent = text_.size() > 1 && text_.find_first_of("eE") < text_.size() - 1;
  return DecimalText(nanos_, exponent);
}

Quantity operator+(const Quantity& a, const Quantity& b) {
  Quantity q;
  q.nanos_ = std::clamp(a.nanos_ + b.nanos_, -kMost, kMost);
  const bool binary = a.IsZero() ? b.text_.ends_with('i') : a.text_.ends_with('i');
  q.text_ = binary ? BinaryText(q.nanos_) : DecimalText(q.nanos_, false);
  return q;
}

}  // namespace keelson::kube
