// SPDX-License-Identifier: Apache-2.0
// A program that is watched, with a daemon that has left its parents: whichever of the three
// processes is killed, nobody is left, which the end of a pipe tells that all of them hold.
#include "lib/base/testing/leash.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/os/files.h"
#include "lib/os/pipe.h"

namespace keelson::base {
namespace {

struct Watched {
  pid_t inner = 0, program = 0;
};

// Never returns.
void BeAProgram(int out, int exit_code) {
  LeashDescendants();
  if (fork() == 0) {
    (void)setsid();
    if (fork() == 0)
      for (;;) pause();
    _exit(0);
  }
  const Watched who{getppid(), getpid()};
  (void)!write(out, &who, sizeof who);
  if (exit_code >= 0) _exit(exit_code);
  for (;;) pause();
}

enum class Dies { kOutermost, kInner, kProgram, kNobody };

int CodeAfter(Dies dies) {
  os::Pipe pipe = os::CreatePipe().value();
  const pid_t outermost = fork();
  if (outermost == 0) BeAProgram(pipe.write_end.get(), dies == Dies::kNobody ? 3 : -1);
  pipe.write_end.reset();
  Watched who;
  EXPECT_EQ(read(pipe.read_end.get(), &who, sizeof who), static_cast<ssize_t>(sizeof who));
  if (dies == Dies::kOutermost) (void)kill(outermost, SIGKILL);
  if (dies == Dies::kInner) (void)kill(who.inner, SIGKILL);
  if (dies == Dies::kProgram) (void)kill(who.program, SIGKILL);
  pollfd end{pipe.read_end.get(), POLLIN, 0};
  EXPECT_EQ(poll(&end, 1, 120'000), 1) << "somebody is left";
  char byte = 0;
  EXPECT_EQ(read(pipe.read_end.get(), &byte, 1), 0);
  int status = 0;
  EXPECT_EQ(waitpid(outermost, &status, 0), outermost);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

TEST(Leash, NobodyIsLeftWhoeverDies) {
  if (os::ListDir("/proc/self/task").value().size() != 1)
    GTEST_SKIP() << "a sanitizer has a thread, and programs with threads are not watched";
  EXPECT_EQ(CodeAfter(Dies::kOutermost), 128 + SIGKILL);
  EXPECT_EQ(CodeAfter(Dies::kInner), 128 + SIGKILL);
  EXPECT_EQ(CodeAfter(Dies::kProgram), 128 + SIGKILL);
  EXPECT_EQ(CodeAfter(Dies::kNobody), 3);
}

}  // namespace
}  // namespace keelson::base
