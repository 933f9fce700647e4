// SPDX-License-Identifier: Apache-2.0
// For tests, in a container: `keys add NAME` puts a key into the session's keyring, `keys find
// NAME` says whether there is one.
#include <linux/keyctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <string_view>

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const bool add = std::string_view(argv[1]) == "add";
  const long key =
      add ? syscall(SYS_add_key, "user", argv[2], "x", 1, KEY_SPEC_SESSION_KEYRING)
          : syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING, "user", argv[2], 0);
  std::printf("%s %s\n", argv[2], key < 0 ? "is not there" : add ? "is added" : "is found");
  return 0;
}
