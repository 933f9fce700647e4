// SPDX-License-Identifier: Apache-2.0
// Look-ups in the table of resources.
#include "minimal-master/schema/resources.h"

#include "minimal-master/schema/table_rows.h"

namespace keelson::schema {

using table::kNone;

TextList Subresource::verbs() const { return {table::kStrings + first_verb_, verb_count_}; }

TextList Resource::verbs() const { return {table::kStrings + first_verb_, verb_count_}; }
TextList Resource::short_names() const {
  return {table::kStrings + first_short_name_, short_name_count_};
}
TextList Resource::categories() const {
  return {table::kStrings + first_category_, category_count_};
}
Rows<Subresource> Resource::subresources() const {
  return {table::kSubresources + first_subresource_, subresource_count_};
}
Rows<Column> Resource::columns() const { return {table::kColumns + first_column_, column_count_}; }
const Type& Resource::type() const { return table::kTypes[type_]; }
const Type* Resource::list_type() const {
  return list_type_ == kNone ? nullptr : &table::kTypes[list_type_];
}

const Subresource* Resource::FindSubresource(std::string_view wanted) const {
  for (const Subresource& each : subresources()) {
    if (each.name() == wanted) return &each;
  }
  return nullptr;
}

Rows<Resource> Resources() { return {table::kResources, table::kResourceCount}; }

const Resource* FindResource(std::string_view group, std::string_view version,
                             std::string_view name) {
  for (const Resource& each : Resources()) {
    if (each.name() == name && each.group() == group && each.version() == version) return &each;
  }
  return nullptr;
}

const Resource* FindResourceOfKind(std::string_view group, std::string_view version,
                                   std::string_view kind) {
  for (const Resource& each : Resources()) {
    if (each.kind() == kind && each.group() == group && each.version() == version) return &each;
  }
  return nullptr;
}

}  // namespace keelson::schema
