// SPDX-License-Identifier: Apache-2.0
// keelson-hold: the process with which a systemd scope begins. Does nothing and ends with its
// standard input, that is with whoever started it.
#include <unistd.h>

int main() {
  char end;
  (void)!read(STDIN_FILENO, &end, 1);
  return 0;
}
