// SPDX-License-Identifier: Apache-2.0
// Objects as server-side apply sees them: where a value is one thing, and where it is made of
// fields, keyed items or set items, by the schema. What fields a value has, and how two values
// differ. Pure, any thread. Source: the API's notes on merging strategies, recorded answers in
// tests/data/golden/patches.json.
#pragma once

#include <optional>
#include <string>

#include "lib/base/result.h"
#include "lib/json/value.h"
#include "minimal-master/fields/set.h"
#include "minimal-master/schema/schema.h"

namespace keelson::fields {

// A place of the schema. `field`: null at the top and for items of lists and maps.
struct Spot {
  const schema::Type* type;
  const schema::Field* field = nullptr;

  bool IsLeaf() const;  // replaced as a whole
  bool IsStruct() const { return type->IsStruct(); }
  bool IsMap() const { return type->IsMap(); }
  bool IsList() const { return type->IsList(); }
  Spot Item() const { return {type->Element()}; }
  // A field of a struct or an entry of a map; nothing: there is none of this name.
  std::optional<Spot> Member(std::string_view name) const;
  // What comes below `element`.
  std::optional<Spot> Below(const Element& element) const;
  // The element of a list's item. Errors in upstream's words.
  base::Result<Element> ElementOf(const json::Value& item) const;
};

// How a value's members are to be read: as they are written, or as the canonical form of what was
// decoded would have them (zero values that it writes count, those that it leaves out do not).
enum class Form { kWritten, kDecoded };

// The value of a struct's field; null: it has none.
const json::Value* MemberOf(const json::Value& object, const schema::Field& field, Form form);

// The fields that `value` (as written) names.
Set SetOf(const json::Value& value, const Spot& spot);

struct Change {
  Set added;
  Set removed;
  Set modified;
  bool Empty() const { return added.Empty() && removed.Empty() && modified.Empty(); }
};
// From `before` (as written) to `after`.
Change Compare(const json::Value& before, const json::Value& after, Form form, const Spot& spot);

// `set` with those named fields that it only names something below.
Set WithNamedFields(const Set& set, const Spot& spot);

}  // namespace keelson::fields
