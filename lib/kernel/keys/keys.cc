// SPDX-License-Identifier: Apache-2.0
#include "lib/kernel/keys/keys.h"

#include <linux/keyctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace keelson::keys {

using base::Error;
using base::Status;

namespace {

// All for who has it, and to be joined by name for the user that made it: not its name, nor what is
// in it (the kernel's KEY_POS_ALL and KEY_USR_SEARCH).
constexpr unsigned kRights = 0x3f000000 | 0x00080000;

// The keyring's number; -1: there are no keys to be had.
base::Result<long> Join(const char* name) {
  const long number = syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name);
  if (number >= 0) return number;
  if (errno == ENOSYS || errno == EPERM) return -1L;
  return Error::FromErrno(errno, "make a session keyring (limits: /proc/sys/kernel/keys)");
}

}  // namespace

Status JoinFreshSession() {
  ASSIGN_OR_RETURN([[maybe_unused]] const long number, Join(nullptr));
  return base::Ok();
}

Status JoinSession(const std::string& name) {
  ASSIGN_OR_RETURN(const long number, Join(name.c_str()));
  // Its user may have closed one that is there already: whoever comes next makes another.
  if (number >= 0) (void)syscall(SYS_keyctl, KEYCTL_SETPERM, number, kRights);
  return base::Ok();
}

std::string SessionOf(const std::string& container_id) { return "_ses." + container_id; }

}  // namespace keelson::keys
