// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/openapi/gnostic.h"

#include "minimal-master/schema/wire.h"

namespace keelson::openapi {
namespace {

using json::Value;
using schema::AppendBytes;
using schema::AppendInteger;

void AppendText(std::string& out, uint32_t number, const Value& of, std::string_view member) {
  const Value* text = of.Find(member);
  if (text != nullptr) AppendBytes(out, number, text->AsString());
}

// NamedX{name = 1, value = 2}
std::string Named(std::string_view name, std::string_view value) {
  std::string out;
  AppendBytes(out, 1, name);
  AppendBytes(out, 2, value);
  return out;
}

std::string Any(const Value& value) {
  std::string out;
  AppendBytes(out, 2, json::WriteJson(value));  // yaml = 2; JSON is YAML
  return out;
}

void AppendExtensions(std::string& out, uint32_t number, const Value& of) {
  for (const auto& [name, value] : of.members()) {
    if (name.starts_with("x-")) AppendBytes(out, number, Named(name, Any(value)));
  }
}

std::string Schema(const Value& schema) {
  std::string out;
  AppendText(out, 1, schema, "$ref");
  AppendText(out, 2, schema, "format");
  AppendText(out, 4, schema, "description");
  if (const Value* required = schema.Find("required")) {
    for (const Value& name : required->items()) AppendBytes(out, 19, name.AsString());
  }
  if (const Value* values = schema.Find("enum")) {
    for (const Value& value : values->items()) AppendBytes(out, 20, Any(value));
  }
  if (const Value* element = schema.Find("additionalProperties")) {
    std::string item;
    AppendBytes(item, 1, Schema(*element));
    AppendBytes(out, 21, item);
  }
  if (const Value* type = schema.Find("type")) {
    std::string item;
    AppendBytes(item, 1, type->AsString());
    AppendBytes(out, 22, item);
  }
  if (const Value* items = schema.Find("items")) {
    std::string item;
    AppendBytes(item, 1, Schema(*items));
    AppendBytes(out, 23, item);
  }
  if (const Value* fields = schema.Find("properties")) {
    std::string properties;
    for (const auto& [name, field] : fields->members())
      AppendBytes(properties, 1, Named(name, Schema(field)));
    AppendBytes(out, 25, properties);
  }
  AppendExtensions(out, 31, schema);
  return out;
}

// ParametersItem{parameter = 1 {non_body_parameter = 2 {query_parameter_sub_schema = 3}}}
std::string QueryParameter(const Value& parameter) {
  std::string query;
  AppendText(query, 2, parameter, "in");
  AppendText(query, 4, parameter, "name");
  AppendText(query, 6, parameter, "type");
  AppendInteger(query, 20, 1);  // unique_items
  std::string non_body;
  AppendBytes(non_body, 3, query);
  std::string whole;
  AppendBytes(whole, 2, non_body);
  std::string item;
  AppendBytes(item, 1, whole);
  return item;
}

std::string PathItem(const Value& item) {
  const Value& operation = item.At({"patch"});
  std::string patch;
  for (const Value& parameter : operation.At({"parameters"}).items())
    AppendBytes(patch, 8, QueryParameter(parameter));
  AppendBytes(patch, 9, "");  // responses
  AppendExtensions(patch, 13, operation);
  std::string out;
  AppendBytes(out, 8, patch);
  return out;
}

}  // namespace

std::string Gnostic(const Value& document) {
  std::string out;
  AppendText(out, 1, document, "swagger");
  std::string info;
  AppendText(info, 1, document.At({"info"}), "title");
  AppendText(info, 2, document.At({"info"}), "version");
  AppendBytes(out, 2, info);
  std::string paths;
  for (const auto& [path, item] : document.At({"paths"}).members())
    AppendBytes(paths, 2, Named(path, PathItem(item)));
  AppendBytes(out, 8, paths);
  std::string definitions;
  for (const auto& [name, schema] : document.At({"definitions"}).members())
    AppendBytes(definitions, 1, Named(name, Schema(schema)));
  AppendBytes(out, 9, definitions);
  return out;
}

}  // namespace keelson::openapi
