// SPDX-License-Identifier: Apache-2.0
// The table of resources: what discovery tells, the types behind each, subresources and printer
// columns. Part of the same read-only object as schema.h; any thread.
#pragma once

#include <string_view>

#include "minimal-master/schema/schema.h"

namespace keelson::schema {

struct Column {
  std::string_view name() const { return name_.view(); }
  std::string_view type() const { return type_.view(); }
  std::string_view format() const { return format_.view(); }
  int priority() const { return priority_; }  // 0: always, else only when a wide table is asked for

  Text name_;
  Text type_;
  Text format_;
  int32_t priority_;
};

struct Subresource {
  std::string_view name() const { return name_.view(); }
  // Of the body; a Scale has a group and version of its own.
  std::string_view group() const { return group_.view(); }
  std::string_view version() const { return version_.view(); }
  std::string_view kind() const { return kind_.view(); }
  TextList verbs() const;
  const Type* type() const { return Find(group(), version(), kind()); }

  Text name_;
  Text group_;
  Text version_;
  Text kind_;
  uint16_t first_verb_;
  uint16_t verb_count_;
};

struct Resource {
  std::string_view group() const { return group_.view(); }
  std::string_view version() const { return version_.view(); }
  std::string_view name() const { return name_.view(); }  // "pods"
  std::string_view singular() const { return singular_.view(); }
  std::string_view kind() const { return kind_.view(); }
  std::string_view storage_version_hash() const { return hash_.view(); }
  bool namespaced() const { return namespaced_; }
  TextList verbs() const;
  TextList short_names() const;
  TextList categories() const;
  Rows<Subresource> subresources() const;
  const Subresource* FindSubresource(std::string_view name) const;
  Rows<Column> columns() const;
  const Type& type() const;
  const Type* list_type() const;  // null: cannot be listed
  bool Can(std::string_view verb) const { return verbs().Contains(verb); }

  Text group_;
  Text version_;
  Text name_;
  Text singular_;
  Text kind_;
  Text hash_;
  bool namespaced_;
  uint8_t verb_count_;
  uint8_t short_name_count_;
  uint8_t category_count_;
  uint8_t subresource_count_;
  uint8_t column_count_;
  uint16_t first_verb_;
  uint16_t first_short_name_;
  uint16_t first_category_;
  uint16_t first_subresource_;
  uint16_t first_column_;
  uint16_t type_;
  uint16_t list_type_;  // 0xffff: none
};

Rows<Resource> Resources();  // in the order of discovery
const Resource* FindResource(std::string_view group, std::string_view version,
                             std::string_view name);
// The resource whose objects have this kind, or null.
const Resource* FindResourceOfKind(std::string_view group, std::string_view version,
                                   std::string_view kind);

}  // namespace keelson::schema
