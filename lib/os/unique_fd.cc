// SPDX-License-Identifier: Apache-2.0
#include "lib/os/unique_fd.h"

#include <unistd.h>

#include <cerrno>

namespace keelson::os {

void UniqueFd::reset(int fd) {
  const int old = std::exchange(fd_, fd);
  if (old < 0) return;
  const int saved = errno;
  (void)close(old);
  errno = saved;
}

}  // namespace keelson::os
