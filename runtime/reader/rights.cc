// SPDX-License-Identifier: Apache-2.0
#include "runtime/reader/rights.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "lib/kernel/rights/rights.h"

namespace keelson::reader {
namespace {

#if defined(__x86_64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
#error "which architecture is this?"
#endif

constexpr uint64_t kAddressSpace = uint64_t{1} << 30;

// By hand: a library that compiles filters takes longer than the document does. What is not in the
// list fails with EPERM; another architecture's numbers mean other calls and end the process.
std::string Filter() {
  constexpr uint32_t kRefused = SECCOMP_RET_ERRNO | EPERM;
  std::vector<sock_filter> program;
  const auto load = [&program](size_t offset) {
    program.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(offset)));
  };
  const auto answer = [&program](uint32_t what) {
    program.push_back(BPF_STMT(BPF_RET | BPF_K, what));
  };
  const auto unless_equal_skip = [&program](uint32_t value, uint8_t count) {
    program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, count));
  };
  load(offsetof(seccomp_data, arch));
  program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kArchitecture, 1, 0));
  answer(SECCOMP_RET_KILL_PROCESS);
  load(offsetof(seccomp_data, nr));
  for (const int call : {SYS_exit_group, SYS_exit, SYS_brk, SYS_munmap, SYS_mremap, SYS_madvise}) {
    unless_equal_skip(static_cast<uint32_t>(call), 1);
    answer(SECCOMP_RET_ALLOW);
  }
  // Memory, never to be executed.
  unless_equal_skip(SYS_mmap, 4);
  load(offsetof(seccomp_data, args[2]));
  program.push_back(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 1, 0));
  answer(SECCOMP_RET_ALLOW);
  answer(kRefused);
  // The question and the answer. A descriptor is 32 bits to the kernel.
  for (const auto& [call, descriptor] : {std::pair{SYS_read, 0}, std::pair{SYS_write, 1}}) {
    unless_equal_skip(static_cast<uint32_t>(call), 4);
    load(offsetof(seccomp_data, args[0]));
    unless_equal_skip(static_cast<uint32_t>(descriptor), 1);
    answer(SECCOMP_RET_ALLOW);
    answer(kRefused);
  }
  answer(kRefused);
  return std::string(reinterpret_cast<const char*>(program.data()),
                     program.size() * sizeof(sock_filter));
}

}  // namespace

base::Status GiveUpRights() {
  const std::string filter = Filter();
  if (chdir("/") != 0) return base::Error::FromErrno(errno, "chdir /");
  RETURN_IF_ERROR(rights::BecomeNobody(kReadUser).WithContext("give up rights"));
  RETURN_IF_ERROR(rights::Limit(RLIMIT_NOFILE, "NOFILE", 3));
  RETURN_IF_ERROR(rights::Limit(RLIMIT_FSIZE, "FSIZE", 0));
  RETURN_IF_ERROR(rights::Limit(RLIMIT_CORE, "CORE", 0));
  RETURN_IF_ERROR(rights::Limit(RLIMIT_MEMLOCK, "MEMLOCK", 0));
  RETURN_IF_ERROR(rights::Limit(RLIMIT_AS, "AS", kAddressSpace));
  RETURN_IF_ERROR(rights::Limit(RLIMIT_CPU, "CPU", 30));
  return rights::Confine(filter);
}

}  // namespace keelson::reader
