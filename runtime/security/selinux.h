// SPDX-License-Identifier: Apache-2.0
// SELinux labels from the CRI's four parts. Without SELinux in the kernel they mean nothing and are
// passed over, as every runtime does. Resolving is pure.
#pragma once

#include <string>

#include "lib/base/result.h"

namespace keelson::security {

bool SelinuxEnabled();  // selinuxfs is mounted

struct SelinuxRequest {
  std::string user, role, type, level;  // empty: the usual one
};
struct SelinuxLabels {
  std::string process;  // empty: none
  std::string mount;    // for what containers may write
};
// Nothing asked, nothing set. InvalidArgument for parts that could be read as more than one.
base::Result<SelinuxLabels> ResolveSelinux(const SelinuxRequest& request, bool enabled);

}  // namespace keelson::security
