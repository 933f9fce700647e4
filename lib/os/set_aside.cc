// SPDX-License-Identifier: Apache-2.0
#include "lib/os/set_aside.h"

#include <cerrno>
#include <cstdio>

#include "lib/os/files.h"

namespace keelson::os {

base::Status SetAside(const std::string& path) {
  const std::string aside = AsidePath(path);
  RETURN_IF_ERROR(RemoveTree(aside));  // a folder would refuse it
  if (rename(path.c_str(), aside.c_str()) != 0 && errno != ENOENT)
    return base::Error::FromErrno(errno, "put '{}' aside", path);
  return base::Ok();
}

}  // namespace keelson::os
