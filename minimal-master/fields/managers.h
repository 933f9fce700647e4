// SPDX-License-Identifier: Apache-2.0
// metadata.managedFields as a list of managers. Their sets are read only when a change concerns
// them. Plain data. Source: recorded answers in tests/data/golden/patches.json.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/json/value.h"
#include "minimal-master/fields/set.h"

namespace keelson::fields {

class Manager {
 public:
  std::string name;
  bool applies = false;  // by server-side apply; else by any other write
  std::string version;   // the apiVersion of the request
  std::string subresource;
  std::string time;  // RFC 3339 in UTC, or empty

  // Of an entry with its fields as they were written.
  explicit Manager(json::Value fields) : written_(std::move(fields)) {}
  Manager() : written_(json::Value::Object()), set_(Set()) {}

  // One entry: an applier keeps it whatever version it uses.
  bool IsSame(const Manager& other) const {
    return name == other.name && applies == other.applies && subresource == other.subresource &&
           (applies || version == other.version);
  }
  const json::Value& written() const { return written_; }
  json::Value TakeWritten() && { return std::move(written_); }
  const Set& set();
  void SetFields(Set set);
  bool OwnsNothing() const { return written_.members().empty(); }
  // `"m1"`, `"m1" using v1`: as conflicts name it.
  std::string Shown() const;

 private:
  json::Value written_;
  std::optional<Set> set_;
};

using Managers = std::vector<Manager>;

// Nothing where an entry is none; the fields of foreign entries are brought into our order.
std::optional<Managers> ReadManagers(json::Value managed_fields, bool own);
// Sorted; null where there are none.
json::Value WriteManagers(Managers managers);

Manager* FindSame(Managers& managers, const Manager& like);
void DropEmpty(Managers& managers);
// Of more than ten that update, the oldest become one entry for each version ("ancient-changes").
void CapUpdaters(Managers& managers);

// Equal but for the times.
bool SameButTimes(const json::Value& a, const json::Value& b);

}  // namespace keelson::fields
