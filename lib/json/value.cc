// SPDX-License-Identifier: Apache-2.0
#include "lib/json/value.h"

#include <algorithm>

namespace keelson::json {

Value Value::Array(std::vector<Value> items) {
  Value value;
  value.kind_ = Kind::kArray;
  value.items_ = std::move(items);
  return value;
}

Value Value::Object(std::vector<Member> members) {
  Value value;
  value.kind_ = Kind::kObject;
  value.members_ = std::move(members);
  return value;
}

const Value* Value::Find(std::string_view key) const {
  const auto found = std::find_if(members_.begin(), members_.end(), [&](const Member& m) { return m.first == key; });
  return found == members_.end() ? nullptr : &found->second;
}

Value* Value::Find(std::string_view key) { return const_cast<Value*>(std::as_const(*this).Find(key)); }

const Value& Value::At(std::initializer_list<std::string_view> path) const {
  static const Value kNull;
  const Value* at = this;
  for (const std::string_view key : path) {
    at = at->Find(key);
    if (at == nullptr) return kNull;
  }
  return *at;
}

Value& Value::Set(std::string_view key, Value value) {
  if (kind_ == Kind::kNull) kind_ = Kind::kObject;
  if (Value* present = Find(key)) return *present = std::move(value);
  return members_.emplace_back(std::string(key), std::move(value)).second;
}

void Value::Erase(std::string_view key) {
  std::erase_if(members_, [&](const Member& m) { return m.first == key; });
}

void Value::Append(Value value) {
  if (kind_ == Kind::kNull) kind_ = Kind::kArray;
  items_.push_back(std::move(value));
}

bool operator==(const Value& a, const Value& b) {
  if (a.kind_ != b.kind_) return a.IsNumber() && b.IsNumber() && a.AsDouble() == b.AsDouble();
  if (a.kind_ == Value::Kind::kObject) {
    return a.members_.size() == b.members_.size() && std::all_of(a.members_.begin(), a.members_.end(), [&](const Value::Member& m) {
             const Value* other = b.Find(m.first);
             return other != nullptr && m.second == *other;
           });
  }
  return a.int_ == b.int_ && a.double_ == b.double_ && a.string_ == b.string_ && a.items_ == b.items_;
}

}  // namespace keelson::json
