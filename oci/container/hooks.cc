// SPDX-License-Identifier: Apache-2.0
#include "oci/container/hooks.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>

#include "lib/base/clock.h"
#include "lib/base/strings.h"
#include "lib/os/pipe.h"
#include "lib/os/process.h"

namespace keelson::oci {

using base::Error;
using base::Result;
using base::Status;

namespace {

constexpr size_t kMostWords = 2048;

[[noreturn]] void Become(const Hook& hook, int in, int out) {
  std::vector<char*> argv, env;
  for (const std::string& word : hook.args) argv.push_back(const_cast<char*>(word.c_str()));
  if (argv.empty()) argv.push_back(const_cast<char*>(hook.path.c_str()));
  // The specification leaves open what one has that names no variables; others give it all of the
  // caller's. Programs are found by it alone.
  const char* path = std::getenv("PATH");
  const std::string found = path == nullptr ? "" : std::string("PATH=") + path;
  if (hook.env) {
    for (const std::string& word : *hook.env) env.push_back(const_cast<char*>(word.c_str()));
  } else if (!found.empty()) {
    env.push_back(const_cast<char*>(found.c_str()));
  }
  argv.push_back(nullptr);
  env.push_back(nullptr);
  if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0) _exit(126);
  (void)syscall(SYS_close_range, 3u, ~0u, 0);
  execve(hook.path.c_str(), argv.data(), env.data());
  const int code = errno;
  const std::string words = "exec: " + std::string(strerror(code)) + "\n";
  (void)!write(2, words.data(), words.size());
  _exit(code == ENOENT ? 127 : 126);
}

// No terminal of whoever called, no signal that they ignore or block, and an end with ours. A group
// of its own, so that what it started can be ended with it.
void LeaveTheCaller() {
  (void)setsid();
  (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  for (int number = 1; number < 65; ++number) {
    if (number != SIGKILL && number != SIGSTOP) (void)signal(number, SIG_DFL);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

// Reads and writes until the hook has ended; what it started may hold its streams for longer.
class Watch {
 public:
  Watch(const std::string& state, os::UniqueFd to, os::UniqueFd from, os::UniqueFd pidfd)
      : rest_(state), to_(std::move(to)), from_(std::move(from)), pidfd_(std::move(pidfd)) {}

  // false: the time is over.
  bool UntilEnd(std::optional<std::chrono::seconds> timeout) {
    const base::SteadyTime deadline =
        base::SystemClock().Steady() + timeout.value_or(std::chrono::seconds(0));
    while (true) {
      int wait = -1;
      if (timeout) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            deadline - base::SystemClock().Steady());
        if (left.count() <= 0) return false;
        wait = static_cast<int>(std::min<int64_t>(left.count() + 1, 1'000'000));
      }
      pollfd ready[3] = {
          {pidfd_.get(), POLLIN, 0}, {from_.get(), POLLIN, 0}, {to_.get(), POLLOUT, 0}};
      if (poll(ready, 3, wait) < 0 && errno != EINTR) return true;
      if (ready[2].revents != 0) Feed();
      if (ready[1].revents != 0) Take();
      if (ready[0].revents != 0) break;
    }
    // What is there already, and no more of what goes on being written.
    for (int pieces = 0; pieces < 64 && from_ && Take(); ++pieces) {
    }
    return true;
  }
  const std::string& words() const { return words_; }

 private:
  void Feed() {
    const ssize_t n = write(to_.get(), rest_.data(), rest_.size());
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n > 0) rest_.remove_prefix(static_cast<size_t>(n));
    if (n <= 0 || rest_.empty()) to_.reset();
  }
  bool Take() {
    char buffer[4096];
    const ssize_t n = read(from_.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) return true;
    if (n < 0 && errno == EAGAIN) return false;
    if (n <= 0) {
      from_.reset();
      return false;
    }
    if (words_.size() < kMostWords)
      words_.append(buffer, std::min<size_t>(static_cast<size_t>(n), kMostWords - words_.size()));
    return true;
  }
  std::string_view rest_;
  os::UniqueFd to_, from_, pidfd_;
  std::string words_;
};

std::string SignalWords(int number) {
  const char* words = strsignal(number);
  std::string text = words == nullptr ? std::to_string(number) : words;
  if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z') text[0] |= 0x20;
  return text;
}

Status RunOne(const Hook& hook, const std::string& state) {
  ASSIGN_OR_RETURN(os::Pipe in, os::CreatePipe());
  ASSIGN_OR_RETURN(os::Pipe out, os::CreatePipe());
  RETURN_IF_ERROR(os::SetNonBlocking(in.write_end.get(), true));
  RETURN_IF_ERROR(os::SetNonBlocking(out.read_end.get(), true));
  const pid_t pid = fork();
  if (pid < 0) return Error::FromErrno(errno, "fork");
  if (pid == 0) {
    LeaveTheCaller();
    Become(hook, in.read_end.get(), out.write_end.get());
  }
  in.read_end.reset();
  out.write_end.reset();
  int status = 0;
  const auto reap = [&] {
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
  };
  Result<os::UniqueFd> pidfd = os::OpenPidfd(pid);
  if (!pidfd.ok()) {
    (void)kill(pid, SIGKILL);
    reap();
    return pidfd.error();
  }
  Watch watch(state, std::move(in.write_end), std::move(out.read_end), std::move(pidfd).value());
  std::optional<std::chrono::seconds> timeout;
  if (hook.timeout) timeout = std::chrono::seconds(*hook.timeout);
  const bool ended = watch.UntilEnd(timeout);
  if (!ended) {
    (void)kill(-pid, SIGKILL);
    (void)kill(pid, SIGKILL);
  }
  reap();
  if (!ended) return base::DeadlineExceeded("not over after {} s", *hook.timeout);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return base::Ok();
  const std::string words(base::Trim(watch.words()));
  const std::string end = WIFEXITED(status) ? fmt::format("exit status {}", WEXITSTATUS(status))
                                            : "signal: " + SignalWords(WTERMSIG(status));
  return base::Aborted("{}{}{}", end, words.empty() ? "" : ", it said: ", words);
}

}  // namespace

Status RunHooks(const char* kind, const std::vector<Hook>& hooks, const std::string& state) {
  if (hooks.empty()) return base::Ok();
  // A hook that does not read its state must not end who writes it.
  const auto before = signal(SIGPIPE, SIG_IGN);
  Status status = base::Ok();
  for (size_t i = 0; i < hooks.size() && status.ok(); ++i) {
    status = RunOne(hooks[i], state)
                 .WithContext(fmt::format("error running {} hook #{}: {}", kind, i, hooks[i].path));
  }
  (void)signal(SIGPIPE, before);
  return status;
}

}  // namespace keelson::oci
