// SPDX-License-Identifier: Apache-2.0
// For tests of small memory limits: a program that needs next to none, and is busy all the same.
#include <unistd.h>

int main() {
  volatile unsigned sum = 0;
  for (unsigned line = 0; line < 50; ++line) {
    for (unsigned i = 0; i < 100'000; ++i) sum = sum + i;
    if (write(1, "busy\n", 5) != 5) return 1;
  }
  return 9;
}
