// SPDX-License-Identifier: Apache-2.0
#include "lib/json/value.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace keelson::json {

// A cast of what does not fit is undefined.
int64_t Value::Whole(double number) {
  constexpr double kEnd = 9223372036854775808.0;  // 2^63, the first that is too large
  if (std::isnan(number)) return 0;
  if (number >= kEnd) return std::numeric_limits<int64_t>::max();
  if (number < -kEnd) return std::numeric_limits<int64_t>::min();
  return static_cast<int64_t>(number);
}

Value Value::Array(std::vector<Value> items) {
  Value v;
  v.kind_ = Kind::kArray;
  v.items_ = std::move(items);
  return v;
}

Value Value::Object(std::vector<Member> members) {
  Value v;
  v.kind_ = Kind::kObject;
  v.members_ = std::move(members);
  return v;
}

const Value* Value::Find(std::string_view key) const {
  for (const Member& m : members_) {
    if (m.first == key) return &m.second;
  }
  return nullptr;
}

Value* Value::Find(std::string_view key) {
  for (Member& m : members_) {
    if (m.first == key) return &m.second;
  }
  return nullptr;
}

const Value& Value::At(std::initializer_list<std::string_view> path) const {
  static const Value null;
  const Value* at = this;
  for (std::string_view key : path) {
    at = at->Find(key);
    if (at == nullptr) return null;
  }
  return *at;
}

Value& Value::Set(std::string_view key, Value value) {
  if (kind_ == Kind::kNull) kind_ = Kind::kObject;
  if (Value* old = Find(key)) {
    *old = std::move(value);
    return *old;
  }
  members_.emplace_back(std::string(key), std::move(value));
  return members_.back().second;
}

void Value::Erase(std::string_view key) {
  std::erase_if(members_, [key](const Member& m) { return m.first == key; });
}

void Value::Append(Value value) {
  if (kind_ == Kind::kNull) kind_ = Kind::kArray;
  items_.push_back(std::move(value));
}

namespace {

std::vector<const Value::Member*> SortedMembers(const Value& object) {
  std::vector<const Value::Member*> out;
  out.reserve(object.members().size());
  for (const Value::Member& m : object.members()) out.push_back(&m);
  std::sort(out.begin(), out.end(),
            [](const auto* a, const auto* b) { return a->first < b->first; });
  return out;
}

}  // namespace

bool operator==(const Value& a, const Value& b) {
  if (a.kind_ != b.kind_) return a.IsNumber() && b.IsNumber() && a.AsDouble() == b.AsDouble();
  switch (a.kind_) {
    case Value::Kind::kNull:
      return true;
    case Value::Kind::kBool:
    case Value::Kind::kInt:
      return a.int_ == b.int_;
    case Value::Kind::kDouble:
      return a.double_ == b.double_;
    case Value::Kind::kString:
      return a.string_ == b.string_;
    case Value::Kind::kArray:
      return a.items_ == b.items_;
    case Value::Kind::kObject:
      break;
  }
  if (a.members_.size() != b.members_.size()) return false;
  const auto in_a = SortedMembers(a), in_b = SortedMembers(b);
  return std::equal(in_a.begin(), in_a.end(), in_b.begin(),
                    [](const auto* x, const auto* y) { return *x == *y; });
}

}  // namespace keelson::json
