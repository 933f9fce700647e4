// SPDX-License-Identifier: Apache-2.0
// Patches that need no types: RFC 6902 and RFC 7386 (JSON merge patch), with the bounds and answers
// of upstream's server. Pure, any thread.
#pragma once

#include "lib/json/value.h"
#include "minimal-master/status/failure.h"

namespace keelson::patch {

// `patch`: the list of operations. What cannot be done leaves the object as it was.
status::Or<json::Value> ApplyJsonPatch(const json::Value& object, const json::Value& patch);
// `patch` is an object; null takes away.
json::Value ApplyMergePatch(json::Value object, const json::Value& patch);

}  // namespace keelson::patch
