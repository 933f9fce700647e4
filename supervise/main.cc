// SPDX-License-Identifier: Apache-2.0
// keelson-supervise --end DIR NAME: ends the process of that name in DIR/layout, also where nobody
// watches it any more.
// keelson-supervise DIR [NETNS]: starts and watches the processes that DIR/layout names, in the
// network namespace that the file NETNS names. Waits for DIR/lock first, so of two the second is
// the first one's twin: it takes over when the first has ended, however that came.
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "lib/base/log.h"
#include "lib/base/rfc3339.h"
#include "lib/os/files.h"
#include "supervise/finder.h"
#include "supervise/keeper.h"

namespace {

using namespace keelson;

base::Status Supervise(const std::string& program, const std::string& dir) {
  const base::SystemClock clock;
  const supervise::Paths paths{dir};
  ASSIGN_OR_RETURN(const os::UniqueFd lock, os::Open(paths.lock(), O_RDWR | O_CREAT, 0600));
  while (flock(lock.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return base::Error::FromErrno(errno, "wait for {}", paths.lock());
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<os::EventLoop> loop, os::EventLoop::Create());
  supervise::Keeper keeper(*loop, clock, {.paths = paths, .twin = {program, dir}});
  RETURN_IF_ERROR(keeper.Start());
  loop->Run();
  return base::Ok();
}

base::Status End(const std::string& dir, const std::string& name) {
  constexpr std::chrono::seconds kPatience{20};
  ASSIGN_OR_RETURN(const std::string bytes, os::ReadFile(supervise::Paths{dir}.layout()));
  ASSIGN_OR_RETURN(const supervise::Layout layout, supervise::DecodeLayout(bytes));
  for (const supervise::Process& process : layout.processes)
    if (process.name == name) RETURN_IF_ERROR(supervise::EndAll(process, kPatience));
  return base::Ok();
}

int Fail(const base::Status& done) {
  std::fprintf(stderr, "keelson-supervise: %s\n", done.error().message().c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 4 && std::string_view(argv[1]) == "--end") {
    const base::Status done = End(argv[2], argv[3]);
    return done.ok() ? 0 : Fail(done);
  }
  if (argc < 2 || argc > 3) {
    std::fprintf(stderr, "usage: keelson-supervise DIR [NETNS] | --end DIR NAME\n");
    return 2;
  }
  base::SetLogSink([](base::LogLevel level, std::string_view line) {
    constexpr const char* kNames[] = {"debug", "info", "warn", "error"};
    std::fprintf(stderr, "%s %s %.*s\n",
                 base::FormatRfc3339(base::SystemClock().WallNanos()).c_str(),
                 kNames[static_cast<int>(level)], static_cast<int>(line.size()), line.data());
  });
  signal(SIGPIPE, SIG_IGN);
  signal(SIGHUP, SIG_IGN);
  umask(022);
  base::Status done;
  if (argc == 3) {
    const auto file = os::Open(argv[2], O_RDONLY);
    if (!file.ok()) {
      done = file.error();
    } else if (setns(file->get(), CLONE_NEWNET) != 0) {
      done = base::Error::FromErrno(errno, "enter the network namespace {}", argv[2]);
    }
  }
  if (done.ok() && chdir("/") != 0) done = base::Error::FromErrno(errno, "chdir /");
  if (done.ok()) done = Supervise(argv[0], argv[1]);
  if (done.ok()) return 0;
  return Fail(done);
}
