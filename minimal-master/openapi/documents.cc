// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/openapi/documents.h"

#include <fmt/format.h>

#include "lib/base/crc32c.h"
#include "minimal-master/openapi/gnostic.h"
#include "minimal-master/openapi/type_schema.h"

namespace keelson::openapi {
namespace {

using json::Value;

std::string PathOf(std::string_view group, std::string_view version) {
  return group.empty() ? fmt::format("api/{}", version) : fmt::format("apis/{}/{}", group, version);
}

Value QueryParameter(const char* name, Dialect dialect) {
  Value out;
  out.Set("name", Value(name));
  out.Set("in", Value("query"));
  Value type;
  type.Set("type", Value("string"));
  type.Set("uniqueItems", Value(true));
  if (dialect == Dialect::kV3) {
    out.Set("schema", std::move(type));
  } else {
    for (auto& [key, value] : type.members()) out.Set(key, value);
  }
  return out;
}

void AddPatch(Value& paths, const schema::Resource& resource, Dialect dialect) {
  if (!resource.Can("patch")) return;
  Value operation;
  Value parameters = Value::Array();
  for (const char* name : {"dryRun", "fieldManager", "fieldValidation", "force"})
    parameters.Append(QueryParameter(name, dialect));
  operation.Set("parameters", std::move(parameters));
  operation.Set("responses", Value::Object());
  operation.Set("x-kubernetes-action", Value("patch"));
  operation.Set("x-kubernetes-group-version-kind", KindOf(resource));
  Value item;
  item.Set("patch", std::move(operation));
  paths.Set(fmt::format("/{}/{}{}/{{name}}", PathOf(resource.group(), resource.version()),
                        resource.namespaced() ? "namespaces/{namespace}/" : "", resource.name()),
            std::move(item));
}

Value InfoOf(std::string_view server_version) {
  Value info;
  info.Set("title", Value("Kubernetes"));
  info.Set("version", Value(server_version));
  return info;
}

Value Swagger(std::string_view server_version) {
  Value paths = Value::Object();
  TypeSchemas schemas(Dialect::kV2);
  for (const schema::Resource& resource : schema::Resources()) {
    schemas.Want(resource.type());
    AddPatch(paths, resource, Dialect::kV2);
  }
  Value out;
  out.Set("swagger", Value("2.0"));
  out.Set("info", InfoOf(server_version));
  out.Set("paths", std::move(paths));
  out.Set("definitions", schemas.Write());
  return out;
}

}  // namespace

std::string Document(std::string_view path, std::string_view server_version) {
  Value paths = Value::Object();
  TypeSchemas schemas(Dialect::kV3);
  bool any = false;
  for (const schema::Resource& resource : schema::Resources()) {
    if (PathOf(resource.group(), resource.version()) != path) continue;
    any = true;
    schemas.Want(resource.type());
    AddPatch(paths, resource, Dialect::kV3);
  }
  if (!any) return "";
  Value components;
  components.Set("schemas", schemas.Write());
  Value out;
  out.Set("openapi", Value("3.0.0"));
  out.Set("info", InfoOf(server_version));
  out.Set("paths", std::move(paths));
  out.Set("components", std::move(components));
  return json::WriteJson(out);
}

std::string Index() {
  Value paths = Value::Object();
  for (const schema::Resource& resource : schema::Resources()) {
    const std::string path = PathOf(resource.group(), resource.version());
    if (paths.Find(path) != nullptr) continue;
    // Clients keep a document for as long as its address stays: it changes with the content.
    const uint32_t hash = base::Crc32c(Document(path, ""));
    Value entry;
    entry.Set("serverRelativeURL", Value(fmt::format("/openapi/v3/{}?hash={:08X}", path, hash)));
    paths.Set(path, std::move(entry));
  }
  Value out;
  out.Set("paths", std::move(paths));
  return json::WriteJson(out);
}

std::string DocumentV2(std::string_view server_version) {
  return json::WriteJson(Swagger(server_version));
}

std::string DocumentV2Protobuf(std::string_view server_version) {
  return Gnostic(Swagger(server_version));
}

}  // namespace keelson::openapi
