// SPDX-License-Identifier: Apache-2.0
// The peers' sandbox container: waits for its end, as the field's pause image does.
#include <signal.h>
#include <unistd.h>

int main() {
  signal(SIGTERM, [](int) { _exit(0); });
  signal(SIGINT, [](int) { _exit(0); });
  signal(SIGCHLD, SIG_IGN);
  while (true) pause();
}
