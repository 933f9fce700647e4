// SPDX-License-Identifier: Apache-2.0
// The one form in which an object is stored and sent: compact JSON, fields in upstream's order,
// zero values as Go writes them (a struct that is no pointer always, `null` for an absent list
// without omitempty, nothing for the zero value of a field with it), map keys sorted, members that
// the type does not know left out. Pure, any thread.
#pragma once

#include <string>

#include "lib/json/value.h"
#include "minimal-master/schema/schema.h"

namespace keelson::schema {

// Values are taken as they are (a quantity is not read again): what comes from a client is decoded
// first.
std::string WriteCanonical(const json::Value& value, const Type& type);
void AppendCanonical(std::string& out, const json::Value& value, const Type& type);

// The value that reading what WriteCanonical writes would give: members in order, zero values
// included (`null` too).
json::Value Canonical(const json::Value& value, const Type& type);

}  // namespace keelson::schema
