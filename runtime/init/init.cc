// SPDX-License-Identifier: Apache-2.0
// keelson-init: process 1 of a pod whose containers share one PID namespace. Reaps orphans, ends on
// SIGTERM, does nothing else. Runs in an empty root without rights; no libraries beyond libc.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

int main() {
  sigset_t wanted;
  sigemptyset(&wanted);
  sigaddset(&wanted, SIGCHLD);
  sigaddset(&wanted, SIGTERM);
  sigaddset(&wanted, SIGINT);
  sigprocmask(SIG_BLOCK, &wanted, nullptr);
  while (true) {
    int number = 0;
    if (sigwait(&wanted, &number) != 0) continue;
    if (number != SIGCHLD) return 0;
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    }
  }
}
