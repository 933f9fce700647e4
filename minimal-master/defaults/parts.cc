// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/defaults/parts.h"

namespace keelson::defaults {

bool IsUnset(const Value& object, std::string_view key) {
  const Value* value = object.Find(key);
  return value == nullptr || value->IsNull();
}

bool IsZero(const Value& object, std::string_view key) {
  const Value* value = object.Find(key);
  if (value == nullptr) return true;
  switch (value->kind()) {
    case Value::Kind::kNull:
      return true;
    case Value::Kind::kBool:
      return !value->AsBool();
    case Value::Kind::kInt:
    case Value::Kind::kDouble:
      return value->AsDouble() == 0;
    case Value::Kind::kString:
      return value->AsString().empty();
    case Value::Kind::kArray:
      return value->items().empty();
    case Value::Kind::kObject:
      return value->members().empty();
  }
  return false;
}

void IfUnset(Value& object, std::string_view key, Value value) {
  if (IsUnset(object, key)) object.Set(key, std::move(value));
}

void IfZero(Value& object, std::string_view key, Value value) {
  if (IsZero(object, key)) object.Set(key, std::move(value));
}

Value* Made(Value& object, std::string_view key) {
  IfUnset(object, key, Value::Object());
  return Inner(object, key);
}

Value* Inner(Value& object, std::string_view key) {
  Value* value = object.Find(key);
  return value != nullptr && value->IsObject() ? value : nullptr;
}

Value* Inner(Value& object, std::initializer_list<std::string_view> path) {
  Value* at = &object;
  for (const std::string_view key : path) {
    at = Inner(*at, key);
    if (at == nullptr) return nullptr;
  }
  return at;
}

void Each(Value& object, std::string_view key, const std::function<void(Value&)>& apply) {
  Value* list = object.Find(key);
  if (list == nullptr || !list->IsArray()) return;
  for (Value& item : list->items()) {
    if (item.IsObject()) apply(item);
  }
}

}  // namespace keelson::defaults
