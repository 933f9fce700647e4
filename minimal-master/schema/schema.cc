// SPDX-License-Identifier: Apache-2.0
// Look-ups in the table of types.
#include "minimal-master/schema/schema.h"

#include <algorithm>
#include <tuple>

#include "minimal-master/schema/table_rows.h"

namespace keelson::schema {

bool TextList::Contains(std::string_view s) const {
  for (const std::string_view each : *this) {
    if (each == s) return true;
  }
  return false;
}

std::string_view Type::short_name() const {
  const std::string_view name = go_name();
  const size_t dot = name.rfind('.');
  return dot == std::string_view::npos ? name : name.substr(dot + 1);
}

const Field* Type::Find(std::string_view json_name) const {
  for (const Field& field : fields()) {
    if (field.name() == json_name) return &field;
  }
  return nullptr;
}

bool Field::atomic() const {
  switch (type().shape()) {
    case Shape::kList:
      return list_type_ == ListType::kNone || list_type_ == ListType::kAtomic;
    case Shape::kMap:
      return map_type_ == MapType::kAtomic;
    case Shape::kStruct: {
      const MapType map = map_type_ == MapType::kNone ? type().map_type() : map_type_;
      return map == MapType::kAtomic;
    }
    default:
      return true;
  }
}

TextList Field::list_map_keys() const { return {table::kStrings + first_key_, key_count_}; }
TextList Field::enums() const { return {table::kStrings + first_enum_, enum_count_}; }

const Type& Kind::type() const { return table::kTypes[type_]; }

Rows<Type> Types() { return {table::kTypes, table::kTypeCount}; }
Rows<Kind> Kinds() { return {table::kKinds, table::kKindCount}; }

const Type* Find(std::string_view group, std::string_view version, std::string_view kind) {
  const auto key = std::tie(group, version, kind);
  const Rows<Kind> kinds = Kinds();
  const auto at =
      std::lower_bound(kinds.begin(), kinds.end(), key, [](const Kind& row, const auto& wanted) {
        return std::tuple(row.group(), row.version(), row.kind()) < wanted;
      });
  if (at == kinds.end() || at->group() != group || at->version() != version || at->kind() != kind)
    return nullptr;
  return &at->type();
}

const Type* FindByOpenApiName(std::string_view name) {
  if (name.empty()) return nullptr;
  for (const Type& type : Types()) {
    if (type.openapi_name() == name) return &type;
  }
  return nullptr;
}

bool IsVersionServed(std::string_view group, std::string_view version) {
  for (const Resource& resource : Resources()) {
    if (resource.group() == group && resource.version() == version) return true;
  }
  return false;
}

}  // namespace keelson::schema
