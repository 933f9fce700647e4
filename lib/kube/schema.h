// SPDX-License-Identifier: Apache-2.0
// Which fields a type of the API has and of which kind each is: refuses unknown fields and wrong
// types, anywhere in a document. The table (schema_data.cc) is made by scripts/make_kube_schema.py,
// which also describes its form.
#pragma once

#include <cstddef>
#include <string_view>

#include "lib/kube/problems.h"
#include "lib/kube/quantity.h"

namespace keelson::kube {

struct SchemaType {
  const char* name;
  const char* fields;
};
extern const SchemaType kSchemaTypes[];
extern const size_t kSchemaTypeCount;

// `type`: a name of the table, such as "Pod". True: every value is of its kind (there may be
// unknown fields among the problems).
bool CheckSchema(const Field& object, std::string_view type, Problems& problems);

// A quantity as documents hold it: text or a number; null is zero.
base::Result<Quantity> QuantityOf(const json::Value& value);

}  // namespace keelson::kube
