// SPDX-License-Identifier: Apache-2.0
// A part of a JSON object whose text was checked before: what is not wanted is passed over without
// being stored, some ten times as fast as a whole read. Pure, any thread.
#pragma once

#include "lib/json/value.h"

namespace keelson::json {

// Whether a member is read: of the outermost object when `member` is empty, else of the object that
// `top` names. `first` is its value's first character: '{' an object, '[' an array, else a scalar.
using Wanted = bool (*)(std::string_view top, std::string_view member, char first);

// The outermost object with what is wanted of it. Members that are objects hold only what is wanted
// of them; below those everything is read. Names are compared as they are written: without escapes.
base::Result<Value> ParseJsonPart(std::string_view text, Wanted wanted);

}  // namespace keelson::json
