// SPDX-License-Identifier: Apache-2.0
#include "lib/base/testing/leash.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

namespace keelson::base {
namespace {

constexpr int kParentDied = SIGUSR1;
constexpr auto kPatience = std::chrono::seconds(5);  // for what ends by itself
constexpr auto kLimit = std::chrono::seconds(60);    // for what was killed

std::vector<pid_t> NumbersIn(const char* folder) {
  std::vector<pid_t> out;
  DIR* dir = opendir(folder);
  if (dir == nullptr) return out;
  while (const dirent* entry = readdir(dir))
    if (const int number = std::atoi(entry->d_name); number > 0) out.push_back(number);
  closedir(dir);
  return out;
}

std::string TextOf(pid_t pid, const char* file) {
  const std::string path = "/proc/" + std::to_string(pid) + "/" + file;
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return "";
  char text[512];
  const ssize_t size = read(fd, text, sizeof text);
  close(fd);
  return std::string(text, size > 0 ? static_cast<size_t>(size) : 0);
}

// Below this process, ended ones left out.
std::vector<pid_t> Descendants() {
  std::multimap<pid_t, pid_t> children;
  for (const pid_t pid : NumbersIn("/proc")) {
    const std::string stat = TextOf(pid, "stat");  // "PID (NAME) STATE PPID …"
    const size_t name_end = stat.rfind(')');
    if (name_end == std::string::npos || name_end + 4 > stat.size() || stat[name_end + 2] == 'Z')
      continue;
    children.emplace(std::atoi(stat.c_str() + name_end + 4), pid);
  }
  std::vector<pid_t> out, next = {getpid()};
  while (!next.empty()) {
    const auto [from, to] = children.equal_range(next.back());
    next.pop_back();
    for (auto child = from; child != to; ++child) {
      out.push_back(child->second);
      next.push_back(child->second);
    }
  }
  return out;
}

// Takes the ends of all children that have ended; `status` of `awaited`, true once that has.
bool Reap(pid_t awaited, int& status) {
  bool ended = false;
  int any = 0;
  for (pid_t pid = waitpid(-1, &any, WNOHANG); pid > 0; pid = waitpid(-1, &any, WNOHANG)) {
    if (pid != awaited) continue;
    status = any;
    ended = true;
  }
  return ended;
}

bool HasChildren() {
  siginfo_t info{};
  return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

// As subreaper this process gets whatever loses its parent, until there is nobody left.
void EndAll(bool at_once) {
  const auto begin = std::chrono::steady_clock::now();
  bool told = at_once;
  int status = 0;
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  while (Reap(-1, status), HasChildren()) {
    const auto so_far = std::chrono::steady_clock::now() - begin;
    if (so_far > kLimit) return;
    if (at_once || so_far > kPatience) {
      for (const pid_t pid : Descendants()) {
        std::string line = TextOf(pid, "cmdline");
        std::replace(line.begin(), line.end(), '\0', ' ');
        if (!told) std::fprintf(stderr, "left behind and ended: %d %s\n", pid, line.c_str());
        (void)kill(pid, SIGKILL);
      }
      told = true;
    }
    const timespec moment{.tv_sec = 0, .tv_nsec = 20'000'000};
    (void)sigtimedwait(&child, nullptr, &moment);
  }
}

int CodeOf(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

// The end of whoever watches: its child's, or its parent's.
[[noreturn]] void Watch(pid_t child, const sigset_t& signals) {
  for (;;) {
    int status = 0;
    if (Reap(child, status)) {
      EndAll(!WIFEXITED(status));
      _exit(CodeOf(status));
    }
    if (sigwaitinfo(&signals, nullptr) == kParentDied) {
      EndAll(true);
      _exit(128 + SIGKILL);
    }
  }
}

}  // namespace

void LeashDescendants() {
  static bool done = false;
  const char* wanted = std::getenv("KEELSON_TEST_LEASH");
  if (done || (wanted != nullptr && std::strcmp(wanted, "off") == 0) ||
      NumbersIn("/proc/self/task").size() != 1 || HasChildren())
    return;
  done = true;
  std::fflush(nullptr);
  sigset_t signals, before;
  sigemptyset(&signals);
  sigaddset(&signals, SIGCHLD);
  sigaddset(&signals, kParentDied);
  sigprocmask(SIG_BLOCK, &signals, &before);
  // The outermost is who the test is to others; the inner one ends everything when that is killed.
  for (const int signal_at_its_end : {kParentDied, SIGKILL}) {
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    const pid_t parent = getpid(), child = fork();
    if (child < 0) break;
    if (child > 0) Watch(child, signals);
    // From a parent of one thread: otherwise the signal would come with that thread's end.
    (void)prctl(PR_SET_PDEATHSIG, signal_at_its_end, 0, 0, 0);
    if (getppid() != parent) _exit(128 + SIGKILL);
  }
  (void)prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
  sigprocmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace keelson::base
