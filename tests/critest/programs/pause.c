// SPDX-License-Identifier: Apache-2.0
// The program of the pause image: waits for a signal that ends it, and for children that it is given.
#include <signal.h>
#include <sys/wait.h>

int main(void) {
  sigset_t signals;
  sigfillset(&signals);
  sigprocmask(SIG_BLOCK, &signals, 0);
  for (;;) {
    int received = 0;
    if (sigwait(&signals, &received) != 0) return 1;
    if (received == SIGTERM || received == SIGINT) return 0;
    while (waitpid(-1, 0, WNOHANG) > 0) {
    }
  }
}
