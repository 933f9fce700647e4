// SPDX-License-Identifier: Apache-2.0
#include "lib/os/signals.h"

#include <signal.h>
#include <sys/signalfd.h>

#include <cerrno>

namespace keelson::os {

base::Result<UniqueFd> TakeSignals(std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (const int one : signals) sigaddset(&set, one);
  if (const int failure = pthread_sigmask(SIG_BLOCK, &set, nullptr); failure != 0)
    return base::Error::FromErrno(failure, "block signals");
  UniqueFd fd(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) return base::Error::FromErrno(errno, "signalfd");
  return fd;
}

void ResetSignals() {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  for (int number = 1; number < 65; ++number) {
    if (number != SIGKILL && number != SIGSTOP) (void)signal(number, SIG_DFL);
  }
}

}  // namespace keelson::os
