// SPDX-License-Identifier: Apache-2.0
// What a bind may do (MOUNT_ATTR_*), when config.json lists any of it: then it has exactly what is
// listed, as runc's and crun's have; otherwise what its source has. A user namespace takes nothing
// away that the host forbids: what is not named stays, what is named is an error. Source:
// runtime-spec config.md#linux-mount-options, mount_setattr(2), mount_namespaces(7).
#pragma once

#include <cstdint>

#include "lib/base/result.h"
#include "runtime/spec/container_spec.h"

namespace keelson::rootfs {

struct AttributeChange {
  uint64_t set = 0;
  uint64_t clear = 0;
  bool operator==(const AttributeChange&) const = default;
};
// Pure. Times of access stay as they are when none of their words is listed.
AttributeChange ExactAttributes(const spec::Mount& item);
// Pure; `source`: the mount's attributes now. PermissionDenied with EPERM: a lock would be opened.
base::Result<AttributeChange> WithinLocks(const spec::Mount& item, uint64_t source);
// To a detached bind, or one of this process' own.
base::Status SetBindAttributes(int mount, const spec::Mount& item);

}  // namespace keelson::rootfs
