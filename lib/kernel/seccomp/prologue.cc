// SPDX-License-Identifier: Apache-2.0
#include "lib/kernel/seccomp/prologue.h"

#include <linux/seccomp.h>

#include <cerrno>
#include <cstddef>

namespace keelson::seccomp {
namespace {

constexpr uint32_t kX32Base = 0x40000000;

sock_filter Return(uint32_t value) { return BPF_STMT(BPF_RET | BPF_K, value); }

// What is asked of one number range, with the number in the accumulator; what it does not answer
// falls out at its end.
std::vector<sock_filter> RangeBlock(const Answers& answers) {
  std::vector<sock_filter> out;
  if (!answers.extra.empty()) {
    // Nearly every call is below the first of them: one comparison skips the list. The list has at
    // most some 20 entries.
    const uint32_t first = answers.extra.begin()->first;
    out.push_back(BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, first, 0,
                           static_cast<uint8_t>(2 * answers.extra.size())));
    for (const auto& [number, value] : answers.extra) {
      out.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1));
      out.push_back(Return(value));
    }
  }
  if (answers.newest != 0) {
    out.push_back(BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, answers.newest, 0, 1));
    out.push_back(Return(SECCOMP_RET_ERRNO | ENOSYS));
  }
  return out;
}

void Append(std::vector<sock_filter>& to, const std::vector<sock_filter>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

}  // namespace

std::vector<sock_filter> BuildPrologue(const std::vector<Answers>& answers) {
  std::vector<sock_filter> out;
  std::vector<uint32_t> done;
  for (const Answers& first : answers) {
    bool seen = false;
    for (const uint32_t token : done) seen = seen || token == first.token;
    if (seen) continue;
    done.push_back(first.token);
    std::vector<sock_filter> low;
    std::vector<sock_filter> high;
    bool shared_token = false;
    for (const Answers& each : answers) {
      if (each.token != first.token) continue;
      if (each.base == kX32Base) {
        high = RangeBlock(each);
      } else {
        low = RangeBlock(each);
      }
      shared_token = shared_token || each.base == kX32Base;
    }
    std::vector<sock_filter> block;
#if defined(__x86_64__)
    shared_token =
        shared_token ||
        first.token ==
            0xc000003eu;  // an x32 call that the profile does not know of is libseccomp's to refuse
#endif
    if (shared_token) {
      // number < base: low, then over high; otherwise high.
      block.push_back(
          BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, kX32Base, static_cast<uint8_t>(low.size() + 1), 0));
      Append(block, low);
      block.push_back(BPF_STMT(BPF_JMP | BPF_JA, static_cast<uint32_t>(high.size())));
      Append(block, high);
    } else {
      block = low;
    }
    out.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)));
    out.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, first.token, 1, 0));
    out.push_back(BPF_STMT(BPF_JMP | BPF_JA, static_cast<uint32_t>(block.size() + 1)));
    out.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)));
    Append(out, block);
  }
  return out;
}

}  // namespace keelson::seccomp
