// SPDX-License-Identifier: Apache-2.0
// keelson-namespaces KINDS: makes a user namespace and, owned by it, the others of KINDS
// (CLONE_NEW* of clone(2) as a number), says "0" or the error's number over descriptor 3, and holds
// them until the other end is closed. It does nothing inside them.
#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>

#include "lib/os/socket.h"

int main(int argc, char** argv) {
  using namespace keelson;
  if (argc != 2) return 2;
  const int kinds = std::atoi(argv[1]);
  const int result = unshare(CLONE_NEWUSER | kinds) == 0 ? 0 : errno;
  if (!os::SendMessage(3, std::to_string(result)).ok()) return 1;
  char end;
  (void)!read(3, &end, 1);
  return 0;
}
