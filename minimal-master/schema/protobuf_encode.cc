// SPDX-License-Identifier: Apache-2.0
// Encoding: fields by number, embedded messages put together from the fields that belong to them.
// What a value does not have is not written; readers take that for zero.
#include <algorithm>
#include <bit>
#include <vector>

#include "lib/base/strings.h"
#include "minimal-master/schema/protobuf.h"
#include "minimal-master/schema/scalars.h"
#include "minimal-master/schema/wire.h"

namespace keelson::schema {

using json::Value;

namespace {

void AppendMessage(std::string& out, const Value& value, const Type& type, size_t level,
                   std::vector<const Field*> fields);
void AppendValue(std::string& out, uint32_t number, const Value& value, const Type& type);

std::string Message(const Value& value, const Type& type) {
  std::vector<const Field*> fields;
  for (const Field& field : type.fields()) {
    const Value* member = field.protobuf().empty() ? nullptr : value.Find(field.name());
    if (member != nullptr && !member->IsNull()) fields.push_back(&field);
  }
  std::sort(fields.begin(), fields.end(), [](const Field* a, const Field* b) {
    const auto x = a->protobuf();
    const auto y = b->protobuf();
    return std::lexicographical_compare(x.begin(), x.end(), y.begin(), y.end());
  });
  std::string out;
  AppendMessage(out, value, type, 0, std::move(fields));
  return out;
}

// `fields` share the first `level` numbers of their paths and are sorted by the rest.
void AppendMessage(std::string& out, const Value& value, const Type& type, size_t level,
                   std::vector<const Field*> fields) {
  for (size_t i = 0; i < fields.size();) {
    const Field& field = *fields[i];
    const uint8_t number = field.protobuf()[level];
    if (field.protobuf().size() == level + 1) {
      AppendValue(out, number, *value.Find(field.name()), field.type());
      ++i;
      continue;
    }
    std::vector<const Field*> inner;
    for (; i < fields.size() && fields[i]->protobuf()[level] == number; ++i)
      inner.push_back(fields[i]);
    std::string message;
    AppendMessage(message, value, type, level + 1, std::move(inner));
    AppendBytes(out, number, message);
  }
}

std::string Special(const Value& value, const Type& type) {
  std::string out;
  switch (type.shape()) {
    case Shape::kQuantity:
      AppendBytes(out, 1, value.AsString());
      break;
    case Shape::kTime:
    case Shape::kMicroTime: {
      int64_t seconds = 0;
      int32_t nanos = 0;
      SplitTime(value.AsString(), seconds, nanos);
      AppendInteger(out, 1, static_cast<uint64_t>(seconds));
      AppendInteger(out, 2, static_cast<uint64_t>(nanos));
      break;
    }
    case Shape::kDuration:
      AppendInteger(out, 1, static_cast<uint64_t>(ParseDuration(value.AsString()).ValueOr(0)));
      break;
    case Shape::kIntOrString:
      AppendInteger(out, 1, value.IsString() ? 1 : 0);
      AppendInteger(out, 2, static_cast<uint64_t>(value.AsInt()));
      AppendBytes(out, 3, value.AsString());
      break;
    case Shape::kSchemaOrBool:
      AppendInteger(out, 1, value.IsObject() || value.AsBool() ? 1 : 0);
      if (value.IsObject()) AppendBytes(out, 2, Message(value, *type.Element()));
      break;
    case Shape::kSchemaOrSchemas:
    case Shape::kSchemaOrStrings:
      if (value.IsObject()) AppendBytes(out, 1, Message(value, *type.Element()));
      for (const Value& item : value.items())
        AppendBytes(out, 2, item.IsString() ? item.AsString() : Message(item, *type.Element()));
      break;
    default:
      AppendBytes(out, 1, json::WriteJson(value));
  }
  return out;
}

std::string Wrapped(const Value& value, const Type& list) {
  std::string out;
  for (const Value& item : value.items()) AppendValue(out, 1, item, *list.Element());
  return out;
}

void AppendValue(std::string& out, uint32_t number, const Value& value, const Type& type) {
  switch (type.shape()) {
    case Shape::kStruct:
      return AppendBytes(out, number, Message(value, type));
    case Shape::kString:
      return AppendBytes(out, number, value.AsString());
    case Shape::kBytes:
      return AppendBytes(out, number, base::Base64Decode(value.AsString()).value_or(""));
    case Shape::kBool:
      return AppendInteger(out, number, value.AsBool() ? 1 : 0);
    case Shape::kInt32:
    case Shape::kInt64:
      return AppendInteger(out, number, static_cast<uint64_t>(value.AsInt()));
    case Shape::kDouble:
      return AppendFixed64(out, number, std::bit_cast<uint64_t>(value.AsDouble()));
    case Shape::kList:
      if (type.wrapped()) return AppendBytes(out, number, Wrapped(value, type));
      for (const Value& item : value.items()) AppendValue(out, number, item, *type.Element());
      return;
    case Shape::kMap: {
      std::vector<const Value::Member*> members;
      for (const Value::Member& member : value.members()) members.push_back(&member);
      std::sort(members.begin(), members.end(),
                [](const auto* a, const auto* b) { return a->first < b->first; });
      for (const Value::Member* member : members) {
        std::string entry;
        AppendBytes(entry, 1, member->first);
        AppendValue(entry, 2, member->second, *type.Element());
        AppendBytes(out, number, entry);
      }
      return;
    }
    default:
      return AppendBytes(out, number, Special(value, type));
  }
}

}  // namespace

std::string EncodeProtobuf(const Value& value, const Type& type) {
  std::string meta;
  AppendBytes(meta, 1, value.At({"apiVersion"}).AsString());
  AppendBytes(meta, 2, value.At({"kind"}).AsString());
  std::string out("k8s\0", 4);
  AppendBytes(out, 1, meta);
  AppendBytes(out, 2, Message(value, type));
  AppendBytes(out, 3, "");
  AppendBytes(out, 4, "");
  return out;
}

}  // namespace keelson::schema
