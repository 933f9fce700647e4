// SPDX-License-Identifier: Apache-2.0
// In which groups an exec's process begins: the container's, one below it that --cgroup names, or
// where the container's first process has gone to. Blocking, one thread. Source: runc-exec(8).
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "lib/base/result.h"
#include "oci/container/group.h"

namespace keelson::oci {

// `wishes` as the command line has them: one path, or CONTROLLER[,CONTROLLER…]:PATH (v1). What is
// not there, or would lead out of the container's group, is an error in runc's words.
base::Result<Joining> PlacesFor(pid_t process, const std::string& path,
                                const std::vector<std::string>& wishes);
base::Result<Joining> ParseSubGroups(const Joining& whole, const std::vector<std::string>& words);

}  // namespace keelson::oci
