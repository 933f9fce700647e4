// SPDX-License-Identifier: Apache-2.0
// The program of the nonewprivs image, root's and setuid: says as whom it runs.
#include <stdio.h>
#include <unistd.h>

int main(void) {
  printf("Effective uid: %d\n", (int)geteuid());
  return 0;
}
