// SPDX-License-Identifier: Apache-2.0
#include "tests/stream/process_backend.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <csignal>
#include <thread>

#include "lib/os/files.h"
#include "lib/os/pipe.h"
#include "lib/os/process.h"

namespace keelson::stream_test {
namespace {

using base::Error;
using base::Result;
using os::UniqueFd;

struct Terminal {
  UniqueFd master, slave;
};

Result<Terminal> OpenTerminal() {
  Terminal t;
  t.master = UniqueFd(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!t.master || grantpt(t.master.get()) != 0 || unlockpt(t.master.get()) != 0)
    return Error::FromErrno(errno, "posix_openpt");
  char name[64];
  if (ptsname_r(t.master.get(), name, sizeof name) != 0) return Error::FromErrno(errno, "ptsname");
  ASSIGN_OR_RETURN(t.slave, os::Open(name, O_RDWR | O_NOCTTY));
  return t;
}

class ProcessSession final : public stream::Session {
 public:
  ProcessSession(os::ChildProcess child, stream::Ends ends, UniqueFd terminal,
                 std::function<void(const stream::Ended&)> ended,
                 std::shared_ptr<std::atomic<int>> sessions)
      : child_(std::move(child)),
        ends_(std::move(ends)),
        terminal_(std::move(terminal)),
        sessions_(std::move(sessions)),
        waiter_([this, ended = std::move(ended)] {
          const Result<os::ExitStatus> status = child_.Wait();
          ended(status.ok() ? stream::Ended{.exit_code = status->code()}
                            : stream::Ended{.error = status.error().message()});
        }) {
    ++*sessions_;
  }
  ~ProcessSession() override {
    (void)os::SignalPidfd(child_.pidfd(), SIGKILL);
    waiter_.join();
    --*sessions_;
  }
  stream::Ends TakeEnds() override { return std::move(ends_); }
  base::Status Resize(uint16_t columns, uint16_t rows) override {
    if (!terminal_) return base::FailedPrecondition("no terminal");
    struct winsize size{};
    size.ws_col = columns;
    size.ws_row = rows;
    if (ioctl(terminal_.get(), TIOCSWINSZ, &size) != 0) return Error::FromErrno(errno, "resize");
    return base::Ok();
  }

 private:
  os::ChildProcess child_;
  stream::Ends ends_;
  UniqueFd terminal_;
  std::shared_ptr<std::atomic<int>> sessions_;
  std::thread waiter_;
};

}  // namespace

Result<std::unique_ptr<stream::Session>> ProcessBackend::Open(
    const stream::ProcessRequest& request, std::function<void(const stream::Ended&)> ended) {
  std::vector<std::string> argv = request.command;
  if (argv.empty()) argv = {"/bin/sh", "-c", request.container_id};
  if (argv[0] == "/no/such") return base::NotFound("exec '/no/such': no such file");
  stream::Ends ends;
  UniqueFd terminal;
  UniqueFd keep[3];  // the child's ends, ours only until it has them
  os::SpawnOptions options{.env = {"PATH=/usr/bin:/bin", "TERM=xterm"}};
  if (request.tty) {
    ASSIGN_OR_RETURN(Terminal t, OpenTerminal());
    ASSIGN_OR_RETURN(terminal, os::Duplicate(t.master.get()));
    ends.terminal = std::move(t.master);
    keep[0] = std::move(t.slave);
    argv.insert(argv.begin(), {"setsid", "-c"});
    for (const int fd : {0, 1, 2}) options.fds.emplace_back(keep[0].get(), fd);
  } else {
    for (const int fd : {0, 1, 2}) {
      if (!(fd == 0 ? request.in : fd == 1 ? request.out : request.err)) continue;
      ASSIGN_OR_RETURN(os::Pipe pipe, os::CreatePipe());
      keep[fd] = std::move(fd == 0 ? pipe.read_end : pipe.write_end);
      (fd == 0   ? ends.in
       : fd == 1 ? ends.out
                 : ends.err) = std::move(fd == 0 ? pipe.write_end : pipe.read_end);
      options.fds.emplace_back(keep[fd].get(), fd);
    }
  }
  options.argv = std::move(argv);
  ASSIGN_OR_RETURN(os::ChildProcess child, os::ChildProcess::Spawn(options));
  return std::unique_ptr<stream::Session>(std::make_unique<ProcessSession>(
      std::move(child), std::move(ends), std::move(terminal), std::move(ended), sessions_));
}

Result<UniqueFd> ProcessBackend::Connect(const std::string&, uint16_t port) {
  UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return Error::FromErrno(errno, "socket");
  struct sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return Error::FromErrno(errno, "connect to port {}", port);
  return fd;
}

}  // namespace keelson::stream_test
