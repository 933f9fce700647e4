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

  // Of an entry with its fields as they were written (FieldsV1).
  explicit Manager(std::string_view fields) : written_(fields) {}
  Manager() : written_(kNothing), set_(Set()) {}

  // One entry: an applier keeps it whatever version it uses.
  bool IsSame(const Manager& other) const {
    return name == other.name && applies == other.applies && subresource == other.subresource &&
           (applies || version == other.version);
  }
  const std::string& written() const { return written_; }
  const Set& set();
  void SetFields(Set set);
  bool OwnsNothing() const { return written_ == kNothing; }
  // What tells it from others, as upstream writes it: entries are sorted by it.
  std::string Identity() const;
  // `"m1"`, `"m1" using v1`: as conflicts name it.
  std::string Shown() const;

 private:
  static constexpr std::string_view kNothing = "{}";

  std::string written_;
  std::optional<Set> set_;
};

using Managers = std::vector<Manager>;

// Of what is stored: good JSON, or empty.
Managers ReadManagers(std::string_view managed_fields);
// Of what a client sent; nothing where an entry is none.
std::optional<Managers> ReadSentManagers(const json::Value& managed_fields);
// Sorted, as JSON; empty where there are none.
std::string WriteManagers(Managers managers);

Manager* FindSame(Managers& managers, const Manager& like);
void DropEmpty(Managers& managers);
// Of more than ten that update, the oldest become one entry for each version ("ancient-changes").
void CapUpdaters(Managers& managers);

// Equal but for the times; both as JSON.
bool SameButTimes(std::string_view a, std::string_view b);

}  // namespace keelson::fields
