// SPDX-License-Identifier: Apache-2.0
// Who owns which field after a request: the door and the manager of a call, apply patches, and the
// owners of replicas as a Scale shows them. Pure, any thread.
#pragma once

#include <string>

#include "minimal-master/api/engine.h"
#include "minimal-master/fields/owners.h"

namespace keelson::api {

// Objects of `resource`, written through `subresource` (may be empty).
fields::Target TargetOf(const schema::Resource& resource, const std::string& subresource);
// A Scale, of whatever resource.
fields::Target ScaleTarget();

std::string ManagerOf(const Call& call, const WriteOptions& options);

// Whether the call's patch is of server-side apply.
bool IsApply(const Call& call);
// What PatchOptions must and may not say of a patch of this kind.
status::Or<bool> CheckPatchOptions(const Call& call, const WriteOptions& options);
// The configuration that is to be applied; repeated keys become warnings or a refusal.
status::Or<json::Value> ReadConfig(Call& call, const WriteOptions& options);

// managedFields of a Scale of an object with these, and back: whoever wrote replicas through the
// Scale owns them and nobody else does.
json::Value ScaleManagers(const json::Value& managed_fields);
json::Value ParentManagers(const json::Value& managed_fields, const json::Value& scale_managers,
                           const std::string& api_version);

// What is to be stored of `object`, or nothing: it is as it was (`current`; `old` in the version of
// the request) but for the times of its managers.
std::optional<std::string> ChangedBytes(const schema::Resource& resource, json::Value object,
                                        const json::Value& old, const watch::Object& current);

}  // namespace keelson::api
