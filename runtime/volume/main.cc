// SPDX-License-Identifier: Apache-2.0
// keelson-volume PATH: opens a detached copy of what is mounted at PATH and sends it over
// descriptor 3, or the number of the error. It may hang in a dead filesystem: that is what it is
// for.
#include <fcntl.h>

#include <cstdio>
#include <string>

#include "lib/kernel/mount/mount.h"
#include "lib/os/socket.h"

int main(int argc, char** argv) {
  using namespace keelson;
  if (argc != 2) {
    std::fputs("usage: keelson-volume PATH, with a socket as descriptor 3\n", stderr);
    return 2;
  }
  const base::Result<os::UniqueFd> tree = mount::CloneTree(AT_FDCWD, argv[1], true);
  const base::Status sent = tree.ok() ? os::SendMessage(3, "0", {tree->get()})
                                      : os::SendMessage(3, std::to_string(tree.error().os_errno()));
  return sent.ok() ? 0 : 1;
}
