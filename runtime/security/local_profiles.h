// SPDX-License-Identifier: Apache-2.0
// The seccomp profiles of a node's operators, which pods name as Localhost: files below one
// directory and nowhere else, read anew for every container that starts, compiled once for every
// content. Any thread, blocks.
#pragma once

#include <cstdint>
#include <string>

#include "lib/base/result.h"
#include "lib/kernel/seccomp/seccomp.h"

namespace keelson::security {

class LocalProfiles {
 public:
  // The kubelet's: <its root>/seccomp. It need not be there until a pod asks for one.
  explicit LocalProfiles(std::string root = "/var/lib/kubelet/seccomp");

  // `path`: absolute, as the CRI's localhost_ref has it. What is not below the root is refused,
  // also when a symlink leads there.
  base::Result<seccomp::Program> Load(const std::string& path, uint64_t granted_capabilities);
  // The same, not compiled.
  base::Result<seccomp::Profile> Parse(const std::string& path,
                                       uint64_t granted_capabilities) const;

 private:
  const std::string root_;
  seccomp::ProgramCache cache_;
};

}  // namespace keelson::security
