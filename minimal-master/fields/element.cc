// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/fields/element.h"

#include <algorithm>
#include <charconv>

#include "lib/base/result.h"
#include "minimal-master/schema/decode.h"

namespace keelson::fields {
namespace {

using json::Value;

// The JSON value at the start of `text`, which is taken off it; empty if it is no scalar.
std::string_view TakeScalar(std::string_view& text) {
  size_t end = 0;
  if (!text.empty() && text[0] == '"') {
    for (end = 1; end < text.size() && text[end] != '"'; ++end) {
      if (text[end] == '\\') ++end;
    }
    end = std::min(end + 1, text.size());
  } else {
    end = std::min(text.find_first_of(",}:"), text.size());
  }
  const std::string_view taken = text.substr(0, end);
  text.remove_prefix(end);
  return taken;
}

// Numbers before strings before truths before the rest.
int RankOf(std::string_view scalar) {
  if (scalar.empty()) return 4;
  if (scalar[0] == '-' || (scalar[0] >= '0' && scalar[0] <= '9')) return 0;
  if (scalar[0] == '"') return 1;
  return scalar == "true" || scalar == "false" ? 2 : 3;
}

double NumberOf(std::string_view text) {
  double number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

int CompareScalars(std::string_view a, std::string_view b) {
  const int rank = RankOf(a);
  if (rank != RankOf(b)) return rank < RankOf(b) ? -1 : 1;
  if (rank == 0) {
    const double left = NumberOf(a);
    const double right = NumberOf(b);
    if (left != right) return left < right ? -1 : 1;
  }
  if (rank == 1) {  // the quote at the end is no letter
    a.remove_suffix(1);
    b.remove_suffix(1);
  }
  return a.compare(b);
}

int CompareKeys(std::string_view a, std::string_view b) {
  while (!a.empty() && !b.empty()) {
    a.remove_prefix(1);  // an opening bracket or a comma
    b.remove_prefix(1);
    const std::string_view name = TakeScalar(a);
    if (const int order = CompareScalars(name, TakeScalar(b)); order != 0) return order;
    if (a.empty() || b.empty()) break;
    a.remove_prefix(1);
    b.remove_prefix(1);
    const std::string_view value = TakeScalar(a);
    if (const int order = CompareScalars(value, TakeScalar(b)); order != 0) return order;
    if (a == "}" || b == "}") break;
  }
  return a.size() == b.size() ? 0 : a.size() < b.size() ? -1 : 1;
}

}  // namespace

Element Element::Keys(Value keys) {
  std::sort(keys.members().begin(), keys.members().end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  return {Kind::kKeys, json::WriteJson(keys)};
}

Element Element::ByValue(const Value& value) { return {Kind::kValue, json::WriteJson(value)}; }

base::Result<std::optional<Element>> Element::Parse(std::string_view text) {
  if (text.size() < 2 || text[1] != ':')
    return base::InvalidArgument("'{}' is no element of a path", text);
  const char prefix = text[0];
  text.remove_prefix(2);
  if (prefix == 'f') return std::optional(Field(text));
  if (prefix == 'i') {
    uint32_t index = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
    if (error != std::errc() || end != text.data() + text.size())
      return base::InvalidArgument("'{}' is no index", text);
    return std::optional(Index(index));
  }
  if (prefix != 'k' && prefix != 'v') return std::optional<Element>();
  ASSIGN_OR_RETURN(Value value, schema::DecodeAny(text));
  if (prefix == 'v') return std::optional(ByValue(value));
  if (!value.IsObject()) return base::InvalidArgument("keys are an object");
  return std::optional(Keys(std::move(value)));
}

std::string Element::Written() const {
  std::string out{Prefix(), ':'};
  return out += text_;
}

std::string Element::Shown() const {
  if (kind_ == Kind::kField) return "." + text_;
  if (kind_ == Kind::kIndex) return "[" + text_ + "]";
  if (kind_ == Kind::kValue) return "[=" + text_ + "]";
  const base::Result<Value> keys = schema::DecodeAny(text_);
  std::string out;
  if (keys.ok()) {
    for (const auto& [name, value] : keys->members()) {
      out += out.empty() ? "[" : ",";
      out += name + "=" + json::WriteJson(value);
    }
  }
  return out.empty() ? "[]" : out + "]";
}

int Element::Compare(const Element& other) const {
  if (kind_ != other.kind_) return kind_ < other.kind_ ? -1 : 1;
  if (text_ == other.text_) return 0;
  int order = 0;
  if (kind_ == Kind::kKeys) order = CompareKeys(text_, other.text_);
  if (kind_ == Kind::kValue) order = CompareScalars(text_, other.text_);
  if (kind_ == Kind::kIndex) order = CompareScalars(text_, other.text_);
  return order != 0 ? order : text_.compare(other.text_);
}

}  // namespace keelson::fields
