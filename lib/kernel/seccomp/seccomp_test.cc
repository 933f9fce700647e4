// SPDX-License-Identifier: Apache-2.0
// Programs are run two ways: by a small interpreter of the filter language, and by the kernel in a
// child process.
#include "lib/kernel/seccomp/seccomp.h"

#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <thread>

#include "lib/kernel/seccomp/prologue.h"

namespace keelson::seccomp {
namespace {

constexpr uint32_t kX86_64 = AUDIT_ARCH_X86_64;

// The subset of classic BPF that seccomp programs use.
uint32_t Answer(const std::string& program, uint32_t arch, uint32_t number,
                const std::vector<uint64_t>& args = {}) {
  seccomp_data data{};
  data.nr = static_cast<int>(number);
  data.arch = arch;
  for (size_t i = 0; i < args.size(); ++i) data.args[i] = args[i];
  const auto* code = reinterpret_cast<const sock_filter*>(program.data());
  const size_t count = program.size() / sizeof(sock_filter);
  uint32_t a = 0;
  for (size_t at = 0; at < count; ++at) {
    const sock_filter& i = code[at];
    switch (BPF_CLASS(i.code)) {
      case BPF_LD:
        memcpy(&a, reinterpret_cast<const char*>(&data) + i.k, 4);
        break;
      case BPF_RET:
        return i.k;
      case BPF_ALU:
        a = BPF_OP(i.code) == BPF_AND ? a & i.k : a;
        break;
      case BPF_JMP: {
        bool yes = false;
        switch (BPF_OP(i.code)) {
          case BPF_JA:
            at += i.k;
            continue;
          case BPF_JEQ:
            yes = a == i.k;
            break;
          case BPF_JGT:
            yes = a > i.k;
            break;
          case BPF_JGE:
            yes = a >= i.k;
            break;
          case BPF_JSET:
            yes = (a & i.k) != 0;
            break;
          default:
            ADD_FAILURE() << "unknown jump";
            return 0;
        }
        at += yes ? i.jt : i.jf;
        break;
      }
      default:
        ADD_FAILURE() << "unknown class";
        return 0;
    }
  }
  ADD_FAILURE() << "ran off the end";
  return 0;
}

constexpr uint32_t kEperm = SECCOMP_RET_ERRNO | EPERM;
constexpr uint32_t kEnosys = SECCOMP_RET_ERRNO | ENOSYS;

#if defined(__x86_64__)

Profile Small() {
  Profile p;
  p.architectures = {"x86_64", "x86", "x32"};
  p.rules = {{{"read", "write", "exit_group", "getppid", "mseal"}},
             {{"socket"}, Action::kAllow, 1, {{0, Compare::kLess, 38, 0}}},
             {{"socket"}, Action::kAllow, 1, {{0, Compare::kEqual, 39, 0}}},
             {{"clone"}, Action::kAllow, 1, {{0, Compare::kMaskedEqual, 0x7E020000, 0}}},
             {{"clone3"}, Action::kErrno, ENOSYS, {}}};
  return p;
}

TEST(SeccompCompile, RulesDecideAndTheRestIsTheDefault) {
  const std::string program = Compile(Small()).value();
  EXPECT_EQ(Answer(program, kX86_64, SYS_read), SECCOMP_RET_ALLOW);
  EXPECT_EQ(Answer(program, kX86_64, SYS_reboot), kEperm);
  EXPECT_EQ(Answer(program, kX86_64, SYS_clone3), kEnosys);
  EXPECT_EQ(Answer(program, kX86_64, SYS_socket, {2}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(Answer(program, kX86_64, SYS_socket, {38}), kEperm);
  EXPECT_EQ(Answer(program, kX86_64, SYS_socket, {39}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(Answer(program, kX86_64, SYS_clone, {0x11}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(Answer(program, kX86_64, SYS_clone, {0x10000000 | 0x11}), kEperm);
}

TEST(SeccompCompile, EveryArchitectureOfTheProfileIsCovered) {
  const std::string program = Compile(Small()).value();
  EXPECT_EQ(Answer(program, AUDIT_ARCH_I386, 3), SECCOMP_RET_ALLOW);   // read
  EXPECT_EQ(Answer(program, AUDIT_ARCH_I386, 88), kEperm);             // reboot
  EXPECT_EQ(Answer(program, kX86_64, 0x40000000), SECCOMP_RET_ALLOW);  // x32 read
  EXPECT_EQ(Answer(program, kX86_64, 0x40000000 | 169), kEperm);       // x32 reboot
  EXPECT_EQ(Answer(program, AUDIT_ARCH_AARCH64, 63), SECCOMP_RET_KILL_THREAD);
}

TEST(SeccompCompile, X32IsNotLetInWhenTheProfileDoesNotNameIt) {
  Profile p = Small();
  p.architectures = {"x86_64"};
  EXPECT_EQ(Answer(Compile(p).value(), kX86_64, 0x40000000), SECCOMP_RET_KILL_THREAD);
  EXPECT_EQ(Answer(Compile(p).value(), AUDIT_ARCH_I386, 3), SECCOMP_RET_KILL_THREAD);
}

TEST(SeccompCompile, CallsNewerThanTheLibraryAreKnownAndNewerThanTheProfileAreEnosys) {
  const std::string program = Compile(Small()).value();
  EXPECT_EQ(Answer(program, kX86_64, 462), SECCOMP_RET_ALLOW);  // mseal
  EXPECT_EQ(Answer(program, AUDIT_ARCH_I386, 462), SECCOMP_RET_ALLOW);
  EXPECT_EQ(Answer(program, kX86_64, 0x40000000 | 462), SECCOMP_RET_ALLOW);
  EXPECT_EQ(Answer(program, kX86_64, 461), kEperm);
  EXPECT_EQ(Answer(program, kX86_64, 463), kEnosys);
  EXPECT_EQ(Answer(program, AUDIT_ARCH_I386, 463), kEnosys);
  EXPECT_EQ(Answer(program, kX86_64, 0x40000000 | 463), kEnosys);
  EXPECT_EQ(Answer(program, kX86_64, 9999), kEnosys);
}

TEST(SeccompCompile, AProfileThatAllowsByDefaultStopsOnlyWhatItNames) {
  Profile p;
  p.default_action = Action::kAllow;
  p.rules = {{{"reboot", "mseal"}, Action::kErrno, EACCES, {}}};
  const std::string program = Compile(p).value();
  EXPECT_EQ(Answer(program, kX86_64, SYS_reboot), SECCOMP_RET_ERRNO | EACCES);
  EXPECT_EQ(Answer(program, kX86_64, 462), SECCOMP_RET_ERRNO | EACCES);
  EXPECT_EQ(Answer(program, kX86_64, 9999), SECCOMP_RET_ALLOW);
}

#endif

TEST(SeccompCompile, MistakesAreNamed) {
  Profile p;
  p.rules = {{{"read", "no_such_call"}}};
  EXPECT_TRUE(Compile(p).ok());
  const auto strict = Compile(p, true);
  ASSERT_FALSE(strict.ok());
  EXPECT_NE(strict.error().message().find("no_such_call"), std::string::npos);
  p.rules = {{{"read"}, Action::kAllow, 1, {{6, Compare::kEqual, 0, 0}}}};
  EXPECT_EQ(Compile(p).error().code(), base::Code::kInvalidArgument);
  p = {};
  p.architectures = {"pdp11"};
  EXPECT_EQ(Compile(p).error().code(), base::Code::kInvalidArgument);
  EXPECT_TRUE(Compile(Profile{}).ok()) << "an empty profile is a filter too";
}

// Installs the program in a child, runs `work` there and gives its exit code; 128 + signal when it
// was killed.
template <typename F>
int InChild(const std::string& program, F work) {
  const pid_t pid = fork();
  if (pid == 0) {
    sock_fprog filter{};
    filter.len = static_cast<unsigned short>(program.size() / sizeof(sock_filter));
    filter.filter = reinterpret_cast<sock_filter*>(const_cast<char*>(program.data()));
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
      _exit(99);
    _exit(work());
  }
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

TEST(SeccompKernel, TheKernelTakesTheProgramAndObeysIt) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers make system calls of their own in the child";
#endif
  Profile p;
  p.rules = {{{"exit_group", "write", "getppid", "cachestat"}},
             {{"getpid"}, Action::kErrno, 42, {}}};
  const std::string program = Compile(p).value();
  EXPECT_EQ(InChild(program, [] { return syscall(SYS_getppid) > 0 ? 0 : 1; }), 0);
  EXPECT_EQ(InChild(program, [] { return syscall(SYS_getpid) < 0 ? errno : 0; }), 42);
  EXPECT_EQ(InChild(program, [] { return syscall(SYS_getuid) < 0 ? errno : 0; }), EPERM);
  EXPECT_EQ(InChild(program, [] { return syscall(900) < 0 ? errno : 0; }), ENOSYS);
}

TEST(SeccompCache, OneContentIsCompiledOnceByAnyNumberOfThreads) {
  ProgramCache cache(2);
  Profile p;
  p.rules = {{{"read"}}};
  std::vector<std::thread> threads;
  std::vector<Program> programs(8);
  for (size_t i = 0; i < programs.size(); ++i)
    threads.emplace_back([&, i] { programs[i] = cache.Get(p).value(); });
  for (std::thread& thread : threads) thread.join();
  for (const Program& program : programs) EXPECT_EQ(program, programs[0]);
  EXPECT_EQ(cache.compiled(), 1u);
  Profile other = p;
  other.rules[0].names = {"write"};
  EXPECT_NE(*cache.Get(other).value(), *programs[0]);
  other.rules[0].error = 7;
  ASSERT_TRUE(cache.Get(other).ok());  // the third one drops the first
  ASSERT_TRUE(cache.Get(p).ok());
  EXPECT_EQ(cache.compiled(), 4u);
  p.architectures = {"pdp11"};
  EXPECT_FALSE(cache.Get(p).ok());
}

TEST(SeccompFingerprint, DifferentContentNeverLooksTheSame) {
  Profile a;
  a.rules = {{{"ab", "c"}}};
  Profile b;
  b.rules = {{{"a", "bc"}}};
  EXPECT_NE(Fingerprint(a), Fingerprint(b));
  b = a;
  EXPECT_EQ(Fingerprint(a), Fingerprint(b));
  b.rules[0].arguments = {{}};
  EXPECT_NE(Fingerprint(a), Fingerprint(b));
}

}  // namespace
}  // namespace keelson::seccomp
