// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/openapi/type_schema.h"

#include <fmt/format.h>

namespace keelson::openapi {
namespace {

using json::Value;
using schema::Shape;
using schema::Type;

Value Text(const char* type, const char* format = nullptr) {
  Value out;
  out.Set("type", Value(type));
  if (format != nullptr) out.Set("format", Value(format));
  return out;
}

Value IntOrString(Dialect dialect) {
  if (dialect == Dialect::kV2) return Text("string", "int-or-string");
  Value out;
  out.Set("format", Value("int-or-string"));
  out.Set("oneOf", Value::Array({Text("integer"), Text("string")}));
  return out;
}

}  // namespace

Value TypeSchemas::Of(const Type& type) {
  switch (type.shape()) {
    case Shape::kStruct: {
      if (type.openapi_name().empty()) return Text("object");
      Want(type);
      Value out;
      out.Set("$ref",
              Value(fmt::format("#/{}/{}",
                                dialect_ == Dialect::kV2 ? "definitions" : "components/schemas",
                                type.openapi_name())));
      return out;
    }
    case Shape::kList: {
      Value out = Text("array");
      out.Set("items", Of(*type.Element()));
      return out;
    }
    case Shape::kMap: {
      Value out = Text("object");
      out.Set("additionalProperties", Of(*type.Element()));
      return out;
    }
    case Shape::kBool:
      return Text("boolean");
    case Shape::kInt32:
      return Text("integer", "int32");
    case Shape::kInt64:
      return Text("integer", "int64");
    case Shape::kDouble:
      return Text("number", "double");
    case Shape::kBytes:
      return Text("string", "byte");
    case Shape::kTime:
    case Shape::kMicroTime:
      return Text("string", "date-time");
    case Shape::kIntOrString:
      return IntOrString(dialect_);
    case Shape::kString:
    case Shape::kQuantity:
    case Shape::kDuration:
      return Text("string");
    case Shape::kAny:
      return Text("object");
    default:  // anything at all
      return Value::Object();
  }
}

Value TypeSchemas::Of(const Type& owner, const schema::Field& field) {
  Value out = Of(field.type());
  if (!field.enums().empty()) {
    Value values = Value::Array();
    for (const std::string_view value : field.enums()) values.Append(Value(value));
    // Of a list the items have them.
    Value* items = out.Find("items");
    (items == nullptr ? out : *items).Set("enum", std::move(values));
  }
  const std::string_view sentence = sentences_.Of(owner.openapi_name(), field.name());
  if (sentence.empty()) return out;
  if (out.Find("$ref") != nullptr && dialect_ == Dialect::kV3) {
    // Beside a reference nothing counts, so it is wrapped, as upstream does it.
    Value wrapped;
    wrapped.Set("allOf", Value::Array({std::move(out)}));
    out = std::move(wrapped);
  }
  out.Set("description", Value(sentence));
  return out;
}

Value TypeSchemas::Struct(const Type& type) {
  Value out = Text("object");
  const std::string_view sentence = sentences_.Of(type.openapi_name(), "");
  if (!sentence.empty()) out.Set("description", Value(sentence));
  Value properties = Value::Object();
  Value required = Value::Array();
  for (const schema::Field& field : type.fields()) {
    properties.Set(field.name(), Of(type, field));
    if (field.required()) required.Append(Value(field.name()));
  }
  if (!properties.members().empty()) out.Set("properties", std::move(properties));
  if (!required.items().empty()) out.Set("required", std::move(required));
  return out;
}

Value TypeSchemas::Write() {
  Value out = Value::Object();
  std::set<const Type*> done;
  while (done.size() < wanted_.size()) {
    const std::set<const Type*> now = wanted_;
    for (const Type* type : now) {
      if (!done.insert(type).second) continue;
      Value described = Struct(*type);
      for (const schema::Resource& resource : schema::Resources()) {
        if (&resource.type() == type)
          described.Set("x-kubernetes-group-version-kind", Value::Array({KindOf(resource)}));
      }
      out.Set(type->openapi_name(), std::move(described));
    }
  }
  return out;
}

Value KindOf(const schema::Resource& resource) {
  Value kind;
  kind.Set("group", Value(resource.group()));
  kind.Set("kind", Value(resource.kind()));
  kind.Set("version", Value(resource.version()));
  return kind;
}

}  // namespace keelson::openapi
