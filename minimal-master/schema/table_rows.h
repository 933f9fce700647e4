// SPDX-License-Identifier: Apache-2.0
// The arrays that generate.py writes, for schema.cc and resources.cc only (schema.h has the rest).
// Read-only, any thread.
#pragma once

#include "minimal-master/schema/resources.h"
#include "minimal-master/schema/schema.h"

namespace keelson::schema::table {

extern const Text kStrings[];  // lists of strings are ranges of it
extern const size_t kTypeCount;
extern const Kind kKinds[];  // sorted by group, version and kind
extern const size_t kKindCount;
extern const Column kColumns[];
extern const Subresource kSubresources[];
extern const Resource kResources[];
extern const size_t kResourceCount;

}  // namespace keelson::schema::table
