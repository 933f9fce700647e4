// SPDX-License-Identifier: Apache-2.0
// Strategic merge patch: a merge patch that knows by the type which lists are merged and by which
// key, with its directives ($patch, $retainKeys, $deleteFromPrimitiveList, $setElementOrder). Pure,
// any thread. Source: kubernetes.io's "strategic merge patch" notes, apimachinery's strategicpatch
// (1.35), recorded answers in tests/data/golden/patches.json.
#pragma once

#include "lib/json/value.h"
#include "minimal-master/schema/schema.h"
#include "minimal-master/status/failure.h"

namespace keelson::patch {

// `patch` is an object. `type`: of the object.
status::Or<json::Value> ApplyStrategicMerge(const json::Value& object, const json::Value& patch,
                                            const schema::Type& type);

// A value as upstream's program prints it: map[a:1 b:[x y]].
std::string GoText(const json::Value& value);

}  // namespace keelson::patch
