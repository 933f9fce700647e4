// SPDX-License-Identifier: Apache-2.0
#include "oci/container/console.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>

#include "lib/os/files.h"
#include "lib/os/socket.h"

namespace keelson::oci {

using base::Error;
using base::Result;
using base::Status;
using os::UniqueFd;

Status SetSize(int terminal, std::pair<uint32_t, uint32_t> size) {
  const winsize value{static_cast<unsigned short>(size.first),
                      static_cast<unsigned short>(size.second), 0, 0};
  if (ioctl(terminal, TIOCSWINSZ, &value) != 0)
    return Error::FromErrno(errno, "set the terminal's size");
  return base::Ok();
}

void KeepLineEnds(int terminal) {
  termios now{};
  if (tcgetattr(terminal, &now) != 0) return;
  now.c_oflag &= ~static_cast<tcflag_t>(ONLCR);
  (void)tcsetattr(terminal, TCSANOW, &now);
}

Status SendConsole(const std::string& socket_path, int master) {
  // The name of a socket's address is short; that of a descriptor is shorter.
  ASSIGN_OR_RETURN(const UniqueFd place, os::Open(socket_path, O_PATH));
  ASSIGN_OR_RETURN(const UniqueFd socket,
                   os::ConnectUnix("/proc/self/fd/" + std::to_string(place.get()), SOCK_STREAM));
  return os::SendMessage(socket.get(), "/dev/ptmx", {master});
}

Status SendPidfd(const std::string& socket_path, int pidfd) {
  ASSIGN_OR_RETURN(const UniqueFd place, os::Open(socket_path, O_PATH));
  ASSIGN_OR_RETURN(const UniqueFd socket,
                   os::ConnectUnix("/proc/self/fd/" + std::to_string(place.get()), SOCK_STREAM));
  return os::SendMessage(socket.get(), "pidfd", {pidfd});
}

namespace {

// The person's terminal gives every key to the container while it lives.
class RawTerminal {
 public:
  explicit RawTerminal(bool wanted) {
    on_ = wanted && tcgetattr(0, &before_) == 0;
    if (!on_) return;
    termios raw = before_;
    cfmakeraw(&raw);
    raw.c_oflag |= before_.c_oflag & OPOST;  // line ends are this terminal's
    (void)tcsetattr(0, TCSANOW, &raw);
  }
  ~RawTerminal() {
    if (on_) (void)tcsetattr(0, TCSANOW, &before_);
  }
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;
  void TellSize(int terminal) const {
    winsize size{};
    if (on_ && ioctl(0, TIOCGWINSZ, &size) == 0) (void)ioctl(terminal, TIOCSWINSZ, &size);
  }

 private:
  termios before_{};
  bool on_ = false;
};

// false: nothing more comes.
bool Copy(int from, int to) {
  char buffer[8192];
  const ssize_t n = read(from, buffer, sizeof buffer);
  if (n < 0 && (errno == EINTR || errno == EAGAIN)) return true;
  if (n <= 0) return false;
  return os::WriteAll(to, std::string_view(buffer, static_cast<size_t>(n))).ok();
}

void Forward(int signals, int pidfd, const RawTerminal& own, int terminal) {
  signalfd_siginfo info{};
  while (read(signals, &info, sizeof info) == sizeof info) {
    const auto number = static_cast<int>(info.ssi_signo);
    if (number == SIGCHLD || number == SIGPIPE || number == SIGURG) continue;
    if (number == SIGWINCH && terminal >= 0) {
      own.TellSize(terminal);
    } else {
      (void)os::SignalPidfd(pidfd, number);
    }
  }
}

}  // namespace

Result<UniqueFd> HoldSignals() {
  sigset_t all;
  sigfillset(&all);
  for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTSTP, SIGTTIN, SIGTTOU})
    sigdelset(&all, number);
  sigprocmask(SIG_BLOCK, &all, nullptr);
  UniqueFd signals(signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals) return Error::FromErrno(errno, "signalfd");
  return signals;
}

Result<os::ExitStatus> Attend(pid_t pid, int pidfd, const UniqueFd& signals, UniqueFd terminal,
                              Notifier notifier) {
  const RawTerminal own(terminal.valid() && isatty(0) == 1);
  if (terminal) own.TellSize(terminal.get());
  bool input = terminal.valid();
  while (true) {
    pollfd ready[5] = {{pidfd, POLLIN, 0},
                       {signals.get(), POLLIN, 0},
                       {terminal.get(), POLLIN, 0},
                       {input ? 0 : -1, POLLIN, 0},
                       {notifier.fd(), POLLIN, 0}};
    if (poll(ready, 5, -1) < 0 && errno != EINTR) return Error::FromErrno(errno, "poll");
    if (ready[1].revents != 0) Forward(signals.get(), pidfd, own, terminal.get());
    if (ready[2].revents != 0 && !Copy(terminal.get(), 1)) terminal.reset();
    if (ready[3].revents != 0) input = terminal.valid() && Copy(0, terminal.get());
    if (ready[4].revents != 0) notifier.Take();
    if (ready[0].revents != 0) break;
  }
  // What the terminal still holds; somebody else may keep it open.
  while (terminal) {
    pollfd rest{terminal.get(), POLLIN, 0};
    if (poll(&rest, 1, 0) <= 0 || !Copy(terminal.get(), 1)) break;
  }
  os::ExitStatus status;
  while (waitpid(pid, &status.wait_status, __WALL) < 0) {
    if (errno != EINTR) return Error::FromErrno(errno, "wait for the container");
  }
  return status;
}

}  // namespace keelson::oci
