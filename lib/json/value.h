// SPDX-License-Identifier: Apache-2.0
// A JSON or YAML document as a value. Objects keep the order in which their members were written.
// Every value knows the line it came from (1-based; 0: made by a program), so that refusals can
// name it. Plain data; copies are deep.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/base/result.h"

namespace keelson::json {

class Value {
 public:
  enum class Kind { kNull, kBool, kInt, kDouble, kString, kArray, kObject };
  using Member = std::pair<std::string, Value>;

  Value() = default;
  explicit Value(bool b) : kind_(Kind::kBool), int_(b ? 1 : 0) {}
  explicit Value(int64_t i) : kind_(Kind::kInt), int_(i) {}
  explicit Value(int i) : Value(static_cast<int64_t>(i)) {}
  explicit Value(double d) : kind_(Kind::kDouble), double_(d) {}
  explicit Value(std::string s) : kind_(Kind::kString), string_(std::move(s)) {}
  explicit Value(std::string_view s) : Value(std::string(s)) {}
  explicit Value(const char* s) : Value(std::string(s)) {}
  static Value Array(std::vector<Value> items = {});
  static Value Object(std::vector<Member> members = {});

  Kind kind() const { return kind_; }
  bool IsNull() const { return kind_ == Kind::kNull; }
  bool IsObject() const { return kind_ == Kind::kObject; }
  bool IsArray() const { return kind_ == Kind::kArray; }
  bool IsString() const { return kind_ == Kind::kString; }
  bool IsInt() const { return kind_ == Kind::kInt; }
  bool IsBool() const { return kind_ == Kind::kBool; }
  bool IsNumber() const { return kind_ == Kind::kInt || kind_ == Kind::kDouble; }

  // Of another kind: false, 0, "" and no items.
  bool AsBool() const { return kind_ == Kind::kBool && int_ != 0; }
  // A double's whole part; beyond int64's range its nearest end, of what is no number 0.
  int64_t AsInt() const {
    return kind_ == Kind::kInt ? int_ : kind_ == Kind::kDouble ? Whole(double_) : 0;
  }
  double AsDouble() const {
    return kind_ == Kind::kDouble ? double_ : kind_ == Kind::kInt ? static_cast<double>(int_) : 0;
  }
  const std::string& AsString() const { return string_; }
  const std::vector<Value>& items() const { return items_; }
  const std::vector<Member>& members() const { return members_; }
  std::vector<Value>& items() { return items_; }
  std::vector<Member>& members() { return members_; }

  // The member, or null. At() walks several: At({"metadata", "name"}).
  const Value* Find(std::string_view key) const;
  Value* Find(std::string_view key);
  const Value& At(std::initializer_list<std::string_view> path) const;
  // Makes this an object if it was null; replaces or appends.
  Value& Set(std::string_view key, Value value);
  void Erase(std::string_view key);
  void Append(Value value);

  int line() const { return line_; }
  void set_line(int line) { line_ = line; }

  friend bool operator==(const Value& a,
                         const Value& b);  // lines do not count; members in any order

 private:
  static int64_t Whole(double number);

  Kind kind_ = Kind::kNull;
  int64_t int_ = 0;
  double double_ = 0;
  std::string string_;
  std::vector<Value> items_;
  std::vector<Member> members_;
  int line_ = 0;
};

struct Limits {
  size_t bytes = size_t{10} << 20;
  size_t depth = 100;
  size_t values = 1'000'000;  // also bounds what YAML aliases may unfold to
};

// Scalars as Kubernetes' own reader has them: unquoted yes/no/on/off/y/n are booleans, 0644 is
// octal, 1e3 and 1.0 are ints; keys are what was written, << merges. Refuses duplicate keys,
// anchors that unfold without end, keys that are not scalars, and an empty text. A member's line is
// that of its key. Errors: "line 3: …".
base::Result<Value> ParseYaml(std::string_view text, const Limits& limits = {});
// The first document only, null for an empty text; of a repeated key the last value counts and
// `repeated` gets a line for each ("line 5: key "a" already set in map").
base::Result<Value> ParseFirstYaml(std::string_view text, std::vector<std::string>& repeated,
                                   const Limits& limits = {});
// Several documents separated by `---`; empty ones are left out.
base::Result<std::vector<Value>> ParseYamlStream(std::string_view text, const Limits& limits = {});
// RFC 8259; refuses duplicate keys and invalid UTF-8.
base::Result<Value> ParseJson(std::string_view text, const Limits& limits = {});
std::string WriteJson(const Value& value, bool pretty = false);
std::string WriteYaml(const Value& value);

}  // namespace keelson::json
