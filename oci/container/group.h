// SPDX-License-Identifier: Apache-2.0
// A container's cgroup: where it is, made by hand or as a systemd scope, limited, and found again
// by later calls. Who has no rights there goes without one, unless limits were asked for. Blocking,
// one thread. Sources: runtime-spec config-linux.md#cgroups-path, cgroups(7).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/kernel/cgroup/cgroup.h"
#include "oci/config/config.h"

namespace keelson::oci {

struct GroupWish {
  std::string id;
  bool systemd = false;
  bool disabled = false;   // crun's --cgroup-manager disabled
  bool forgiving = false;  // without rights: nothing is no error
};

struct GroupPlace {
  std::string path;   // empty: none
  std::string scope;  // systemd's unit
  std::string slice;
};
// Pure but for where the caller itself is. InvalidArgument: a path of the wrong form.
base::Result<GroupPlace> PlaceOf(const Config& config, const GroupWish& wish);

// Makes it and sets its limits. An empty path: it could not be had, and needs not. `hold` keeps a
// scope from ending until the container is in it.
struct MadeGroup {
  GroupPlace place;
  std::shared_ptr<void> hold;
};
base::Result<MadeGroup> MakeGroup(const Config& config, const GroupWish& wish);
// One process alone is a limit that its making cannot keep to: set when that is over.
base::Status LimitToOne(const GroupPlace& place, const Config& config);
base::Status RemoveGroup(const GroupPlace& place);

// systemd keeps what it knows of a scope's limits: it is told before the group is changed.
base::Status TellScope(const std::string& scope, const cgroup::Resources& limits);

// The group in which a process of the container's is now: a program may have made groups below.
struct Joining {
  std::vector<std::string> v1;
  std::string unified;
};
Joining WhereIs(pid_t process, const std::string& path);
// The group itself; what of it is not there any more is left out.
Joining GroupAt(const std::string& path);

base::Result<cgroup::Group> OpenGroup(const std::string& path);

}  // namespace keelson::oci
