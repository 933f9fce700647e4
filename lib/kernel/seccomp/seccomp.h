// SPDX-License-Identifier: Apache-2.0
// Seccomp profiles as data, compiled to the sock_filter bytes that a process installs. libseccomp
// does the work; in front of its program stands a short one of ours for system calls that are newer
// than that library (resolved by our own table) or newer than the profile (ENOSYS, so that a C
// library falls back instead of failing with EPERM). Compile() blocks for milliseconds: keep a
// ProgramCache, which any thread may use. Sources: seccomp(2), seccomp_rule_add(3).
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "lib/base/result.h"

namespace keelson::seccomp {

enum class Action : uint8_t { kAllow, kErrno, kKillProcess, kKillThread, kTrap, kLog, kNotify };
enum class Compare : uint8_t {
  kNotEqual,
  kLess,
  kLessOrEqual,
  kEqual,
  kGreaterOrEqual,
  kGreater,
  kMaskedEqual
};

struct Argument {
  uint32_t index = 0;  // 0…5
  Compare compare = Compare::kEqual;
  uint64_t value = 0;      // kMaskedEqual: the mask
  uint64_t value_two = 0;  // kMaskedEqual: what the masked argument must be
  bool operator==(const Argument&) const = default;
};

struct Rule {
  std::vector<std::string> names;
  Action action = Action::kAllow;
  uint32_t error = 1;               // kErrno: EPERM unless said otherwise
  std::vector<Argument> arguments;  // all must hold
  bool operator==(const Rule&) const = default;
};

struct Profile {
  Action default_action = Action::kErrno;
  uint32_t default_error = 1;
  std::vector<std::string>
      architectures;  // "x86_64", "x86", "x32", "aarch64", "arm"…; empty: the machine's own
  std::vector<Rule> rules;
  bool operator==(const Profile&) const = default;
};

// struct sock_filter array as bytes, at most BPF_MAXINSNS of them. Names that no kernel has are an
// error when `strict`, otherwise they are left out, as a profile is written for more kernels than
// one.
base::Result<std::string> Compile(const Profile& profile, bool strict = false);

// Content of a profile in one string: the same text, the same program.
std::string Fingerprint(const Profile& profile);

using Program = std::shared_ptr<const std::string>;

// Compiled programs by content, the least recently used dropped beyond `capacity`. Two threads that
// ask for one profile at the same time compile it once.
class ProgramCache {
 public:
  explicit ProgramCache(size_t capacity = 64) : capacity_(capacity) {}
  base::Result<Program> Get(const Profile& profile);
  size_t compiled() const;  // how often the compiler ran

 private:
  struct Entry {
    std::mutex mutex;
    Program program;
  };
  const size_t capacity_;
  mutable std::mutex mutex_;
  size_t compiled_ = 0;
  std::list<std::string> recent_;  // most recent first
  struct Slot {
    std::shared_ptr<Entry> entry;
    std::list<std::string>::iterator position;
  };
  std::unordered_map<std::string, Slot> entries_;
};

}  // namespace keelson::seccomp
