// SPDX-License-Identifier: Apache-2.0
// What server-side apply makes of two values: merging by the schema, taking away what a set names,
// and whether something is fit to be applied at all. Values as they are written. Pure, any thread.
#pragma once

#include <string>
#include <vector>

#include "lib/json/value.h"
#include "minimal-master/fields/set.h"
#include "minimal-master/fields/walk.h"

namespace keelson::fields {

// `live` with what `applied` says; items of lists that both have come in `applied`'s order, the
// others stay among their neighbours.
json::Value Merge(const json::Value& live, const json::Value& applied, const Spot& spot);

// `value` without the paths of `set`; what is empty then becomes null.
json::Value Remove(const json::Value& value, const Set& set, const Spot& spot);

// Why `value` is no value of this type, in upstream's words, one by one
// (".spec.nope: field not declared in schema").
std::vector<std::string> ProblemsOf(const json::Value& value, const Spot& spot);

}  // namespace keelson::fields
