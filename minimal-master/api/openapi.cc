// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/api/openapi.h"

#include <fmt/format.h>

#include <set>

#include "lib/base/crc32c.h"
#include "lib/json/value.h"
#include "minimal-master/schema/resources.h"

namespace keelson::api {
namespace {

using json::Value;
using schema::Shape;
using schema::Type;

std::string PathOf(std::string_view group, std::string_view version) {
  return group.empty() ? fmt::format("api/{}", version) : fmt::format("apis/{}/{}", group, version);
}

Value Text(const char* type, const char* format = nullptr) {
  Value out;
  out.Set("type", Value(type));
  if (format != nullptr) out.Set("format", Value(format));
  return out;
}

Value SchemaOf(const Type& type, std::set<const Type*>& wanted);

Value Reference(const Type& type, std::set<const Type*>& wanted) {
  wanted.insert(&type);
  Value out;
  out.Set("$ref", Value(fmt::format("#/components/schemas/{}", type.openapi_name())));
  return out;
}

Value SchemaOf(const Type& type, std::set<const Type*>& wanted) {
  switch (type.shape()) {
    case Shape::kStruct:
      return type.openapi_name().empty() ? Text("object") : Reference(type, wanted);
    case Shape::kList: {
      Value out = Text("array");
      out.Set("items", SchemaOf(*type.Element(), wanted));
      return out;
    }
    case Shape::kMap: {
      Value out = Text("object");
      out.Set("additionalProperties", SchemaOf(*type.Element(), wanted));
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
    case Shape::kIntOrString: {
      Value out;
      out.Set("format", Value("int-or-string"));
      out.Set("oneOf", Value::Array({Text("integer"), Text("string")}));
      return out;
    }
    case Shape::kString:
    case Shape::kQuantity:
    case Shape::kDuration:
      return Text("string");
    default:
      return Text("object");
  }
}

Value Property(const schema::Field& field, std::set<const Type*>& wanted) {
  Value out = SchemaOf(field.type(), wanted);
  if (field.enums().empty()) return out;
  Value values = Value::Array();
  for (const std::string_view value : field.enums()) values.Append(Value(value));
  // Of a list the items have them.
  if (Value* items = out.Find("items"))
    items->Set("enum", std::move(values));
  else
    out.Set("enum", std::move(values));
  return out;
}

Value Describe(const Type& type, std::set<const Type*>& wanted) {
  Value out = Text("object");
  Value properties = Value::Object();
  Value required = Value::Array();
  for (const schema::Field& field : type.fields()) {
    properties.Set(field.name(), Property(field, wanted));
    if (field.required()) required.Append(Value(field.name()));
  }
  if (!properties.members().empty()) out.Set("properties", std::move(properties));
  if (!required.items().empty()) out.Set("required", std::move(required));
  return out;
}

Value KindOf(const schema::Resource& resource) {
  Value kind;
  kind.Set("group", Value(resource.group()));
  kind.Set("kind", Value(resource.kind()));
  kind.Set("version", Value(resource.version()));
  return kind;
}

Value QueryParameter(const char* name) {
  Value schema = Text("string");
  schema.Set("uniqueItems", Value(true));
  Value out;
  out.Set("name", Value(name));
  out.Set("in", Value("query"));
  out.Set("schema", std::move(schema));
  return out;
}

Value PatchOperation(const schema::Resource& resource) {
  Value operation;
  operation.Set("parameters",
                Value::Array({QueryParameter("dryRun"), QueryParameter("fieldManager"),
                              QueryParameter("fieldValidation"), QueryParameter("force")}));
  operation.Set("responses", Value::Object());
  operation.Set("x-kubernetes-action", Value("patch"));
  operation.Set("x-kubernetes-group-version-kind", KindOf(resource));
  Value item;
  item.Set("patch", std::move(operation));
  return item;
}

}  // namespace

std::string OpenApiDocument(std::string_view path, std::string_view server_version) {
  Value paths = Value::Object();
  Value schemas = Value::Object();
  std::set<const Type*> wanted;
  bool any = false;
  for (const schema::Resource& resource : schema::Resources()) {
    if (PathOf(resource.group(), resource.version()) != path) continue;
    any = true;
    wanted.insert(&resource.type());
    if (!resource.Can("patch")) continue;
    paths.Set(fmt::format("/{}/{}{}/{{name}}", path,
                          resource.namespaced() ? "namespaces/{namespace}/" : "", resource.name()),
              PatchOperation(resource));
  }
  if (!any) return "";
  std::set<const Type*> done;
  while (done.size() < wanted.size()) {
    const std::set<const Type*> now = wanted;
    for (const Type* type : now) {
      if (!done.insert(type).second) continue;
      Value described = Describe(*type, wanted);
      for (const schema::Resource& resource : schema::Resources()) {
        if (&resource.type() == type)
          described.Set("x-kubernetes-group-version-kind", Value::Array({KindOf(resource)}));
      }
      schemas.Set(type->openapi_name(), std::move(described));
    }
  }
  Value info;
  info.Set("title", Value("Kubernetes"));
  info.Set("version", Value(server_version));
  Value components;
  components.Set("schemas", std::move(schemas));
  Value out;
  out.Set("openapi", Value("3.0.0"));
  out.Set("info", std::move(info));
  out.Set("paths", std::move(paths));
  out.Set("components", std::move(components));
  return json::WriteJson(out);
}

std::string OpenApiIndex() {
  Value paths = Value::Object();
  for (const schema::Resource& resource : schema::Resources()) {
    const std::string path = PathOf(resource.group(), resource.version());
    if (paths.Find(path) != nullptr) continue;
    // Clients keep a document for as long as its address stays: it changes with the content.
    const uint32_t hash = base::Crc32c(OpenApiDocument(path, ""));
    Value entry;
    entry.Set("serverRelativeURL", Value(fmt::format("/openapi/v3/{}?hash={:08X}", path, hash)));
    paths.Set(path, std::move(entry));
  }
  Value out;
  out.Set("paths", std::move(paths));
  return json::WriteJson(out);
}

}  // namespace keelson::api
