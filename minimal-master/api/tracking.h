// SPDX-License-Identifier: Apache-2.0
// Who owns which field after a request: the door and the manager of a call, apply patches, and the
// owners of replicas as a Scale shows them. Pure, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "minimal-master/api/engine.h"
#include "minimal-master/fields/owners.h"
#include "minimal-master/fields/split.h"

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

// Whether a patch may speak of managedFields: then it is given an object that has them.
bool SeesManagers(const Call& call);
json::Value WithManagers(json::Value object, std::string_view managers);

// managedFields (as JSON) of a Scale of an object with these, and back: whoever wrote replicas
// through the Scale owns them and nobody else does.
std::string ScaleManagers(std::string_view managers);
std::string ParentManagers(std::string_view managers, std::string_view scale_managers,
                           const std::string& api_version);

// What is to be stored of `object` and its managers, or nothing: it is as it was (`stored`, of this
// revision) but for the times of its managers.
std::optional<std::string> ChangedBytes(const schema::Resource& resource, json::Value object,
                                        std::string_view managers, const fields::Split& stored,
                                        watch::Revision revision);

}  // namespace keelson::api
