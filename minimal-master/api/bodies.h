// SPDX-License-Identifier: Apache-2.0
// What requests carry: an object in one of three encodings, or a patch; and what fieldValidation
// makes of fields that nobody knows. Pure, any thread.
#pragma once

#include <string>

#include "minimal-master/api/engine.h"
#include "minimal-master/schema/decode.h"

namespace keelson::api {

status::Or<schema::Media> MediaOf(const service::Fields& headers);

// Unknown and repeated fields are refused, or become warnings of the call, or nothing.
status::Or<bool> Judge(const std::vector<schema::Problem>& problems, const WriteOptions& options,
                       Call& call);
// The object of a create or update of the call's resource.
status::Or<json::Value> DecodeBody(Call& call, const WriteOptions& options);

// The media type without what follows it.
std::string_view PatchMedia(const Call& call);
// Refuses what is no kind of patch, whether or not there is something to patch.
status::Or<bool> CheckPatchMedia(const Call& call);
// What the call's patch makes of `current`; not yet read by its type.
status::Or<json::Value> PatchValue(const Call& call, const json::Value& current);
// What came out of a patch is no such object.
status::Failure NotReadable(const json::Value& patched, const std::string& why);
// The same where the patch names another kind than the object is of.
status::Or<bool> CheckKind(const Call& call, const json::Value& patched);

}  // namespace keelson::api
