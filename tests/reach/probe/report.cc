// SPDX-License-Identifier: Apache-2.0
#include "tests/reach/probe/report.h"

#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace keelson::reach {
namespace {

constexpr int kAnswer = 200;  // far from any number that a call is tried with
constexpr int kPatienceMillis = 5000;
FILE* report = nullptr;

std::string Ended(pid_t child, int answer) {
  struct pollfd waits{answer, POLLIN, 0};
  const int ready = poll(&waits, 1, kPatienceMillis);
  char text[512];
  ssize_t size = 0;
  if (ready > 0) size = read(answer, text, sizeof text);
  close(answer);
  if (ready == 0) {
    kill(child, SIGKILL);
    (void)waitpid(child, nullptr, 0);
    return "ok still runs";
  }
  int status = 0;
  while (waitpid(child, &status, 0) == child && WIFSTOPPED(status)) kill(child, SIGKILL);
  if (size > 0) return {text, static_cast<size_t>(size)};
  if (WIFSIGNALED(status)) return "signal " + std::to_string(WTERMSIG(status));
  return "ok ended";
}

template <typename Body>
std::string InChild(const Body& body) {
  int ends[2];
  if (pipe(ends) != 0) abort();
  fflush(report);
  const pid_t child = fork();
  if (child < 0) {
    close(ends[0]);
    close(ends[1]);
    return "fork: " + ErrorName(errno);
  }
  if (child == 0) {
    if (dup2(ends[1], kAnswer) < 0) _exit(1);
    close(ends[0]);
    close(ends[1]);
    const std::string said = body();
    (void)!write(kAnswer, said.data(), said.size());
    syscall(SYS_exit, 0);  // what seccomp's strict mode leaves
  }
  close(ends[1]);
  return Ended(child, ends[0]);
}

// A call may make a second process or thread of this one: only the registers are sure there.
[[gnu::always_inline]] inline long Bare(long number, long argument) {
  register long r10 asm("r10") = argument;
  register long r8 asm("r8") = argument;
  register long r9 asm("r9") = argument;
  long result;
  asm volatile("syscall"
               : "=a"(result)
               : "a"(number), "D"(argument), "S"(argument), "d"(argument), "r"(r10), "r"(r8),
                 "r"(r9)
               : "rcx", "r11", "memory");
  return result;
}

}  // namespace

void OpenReport(const char* path) {
  report = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
  if (report == nullptr) {
    perror(path);
    exit(1);
  }
}

void Tell(std::string_view area, std::string_view subject, std::string_view action,
          std::string_view result) {
  const auto field = [](std::string_view text) {
    for (const char c : text)
      putc(c < ' ' && c >= 0 ? '?' : c, report);  // lines and fields stay what they are
  };
  field(area);
  putc('\t', report);
  field(subject);
  putc('\t', report);
  field(action);
  putc('\t', report);
  field(result);
  putc('\n', report);
}

void CloseReport() {
  fputs("end\n", report);
  if (fclose(report) != 0) exit(1);
}

std::string ErrorName(int error) {
  const char* name = strerrorname_np(error);
  return name != nullptr ? name : "E" + std::to_string(error);
}

std::string Outcome(long result) { return result >= 0 ? "ok" : ErrorName(errno); }

std::string Apart(const std::function<std::string()>& what) { return InChild(what); }

std::string CallApart(long number, long argument) {
  return InChild([&] {
    const pid_t self = getpid();
    const long result = Bare(number, argument);
    if (syscall(SYS_getpid) != self) syscall(SYS_exit, 0);  // a second one, made by the call
    if (result < 0 && result > -4096) return ErrorName(static_cast<int>(-result));
    return std::string("ok");
  });
}

std::string Call32Apart(long number) {
  return InChild([&] {
    const pid_t self = getpid();
    long result = number;
    asm volatile("int $0x80"
                 : "+a"(result)
                 : "b"(0L), "c"(0L), "d"(0L), "S"(0L), "D"(0L)
                 : "r8", "r9", "r10", "r11", "memory");
    if (syscall(SYS_getpid) != self) syscall(SYS_exit, 0);
    const auto narrow = static_cast<int>(result);
    if (narrow < 0 && narrow > -4096) return ErrorName(-narrow);
    return std::string("ok");
  });
}

}  // namespace keelson::reach
