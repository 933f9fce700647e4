// SPDX-License-Identifier: Apache-2.0
#include "lib/kernel/seccomp/shorten.h"

#include <linux/seccomp.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace keelson::seccomp {
namespace {

constexpr uint16_t kLoad = BPF_LD | BPF_W | BPF_ABS, kAnd = BPF_ALU | BPF_AND | BPF_K,
                   kReturn = BPF_RET | BPF_K, kGo = BPF_JMP | BPF_JA,
                   kEqual = BPF_JMP | BPF_JEQ | BPF_K, kNotLess = BPF_JMP | BPF_JGE | BPF_K,
                   kGreater = BPF_JMP | BPF_JGT | BPF_K, kBits = BPF_JMP | BPF_JSET | BPF_K;

bool IsCondition(uint16_t code) {
  return code == kEqual || code == kNotLess || code == kGreater || code == kBits;
}
bool Holds(const sock_filter& condition, uint32_t value) {
  switch (condition.code) {
    case kEqual:
      return value == condition.k;
    case kNotLess:
      return value >= condition.k;
    case kGreater:
      return value > condition.k;
    default:
      return (value & condition.k) != 0;
  }
}

// Jumps go forward only, so code is made from its end: an instruction's position counts from there,
// and what it jumps to is there already.
class Backwards {
 public:
  size_t Return(uint32_t value) {
    const auto found = returns_.find(value);
    if (found != returns_.end() && code_.size() - found->second < kNear) return found->second;
    returns_[value] = Push({kReturn, 0, 0, value});
    return returns_[value];
  }
  size_t Jump(const sock_filter& condition, size_t yes, size_t no) {
    if (yes == no) return yes;
    yes = Near(yes);
    no = Near(no);
    return Push({condition.code, Distance(yes), Distance(no), condition.k});
  }
  // One that goes on with what follows.
  size_t Then(const sock_filter& instruction, size_t next) {
    if (next + 1 != code_.size()) Go(next);
    return Push(instruction);
  }
  size_t size() const { return code_.size(); }
  std::vector<sock_filter> Take() && { return {code_.rbegin(), code_.rend()}; }

 private:
  static constexpr size_t kNear = 250;  // of 255: the other way of the same jump may need one more
  size_t Push(const sock_filter& instruction) {
    code_.push_back(instruction);
    return code_.size() - 1;
  }
  void Go(size_t to) { Push({kGo, 0, 0, static_cast<uint32_t>(code_.size() - to - 1)}); }
  size_t Near(size_t to) {
    if (code_.size() - to < kNear) return to;
    if (code_[to].code == kReturn) return Return(code_[to].k);
    Go(to);
    return code_.size() - 1;
  }
  uint8_t Distance(size_t to) const { return static_cast<uint8_t>(code_.size() - to - 1); }

  std::vector<sock_filter> code_;
  std::map<uint32_t, size_t> returns_;
};

// What is left of a program once architecture and number are known.
class Rest {
 public:
  Rest(const std::vector<sock_filter>& program, uint32_t architecture, uint32_t number)
      : program_(program), architecture_(architecture), number_(number) {}

  // The answer, when it depends on nothing else.
  std::optional<uint32_t> Constant() const {
    uint32_t value = 0;
    for (size_t at = 0; at < program_.size(); ++at) {
      const sock_filter& i = program_[at];
      if (i.code == kReturn) return i.k;
      if (i.code == kLoad) {
        const std::optional<uint32_t> known = Known(i.k);
        if (!known) return std::nullopt;
        value = *known;
      } else if (i.code == kAnd) {
        value &= i.k;
      } else {
        at += i.code == kGo ? i.k : Holds(i, value) ? i.jt : i.jf;
      }
    }
    return std::nullopt;
  }
  // Adds it; `value`: what is in the accumulator, when that is known.
  size_t Add(Backwards& code, size_t at, std::optional<uint32_t> value) {
    while (true) {
      const sock_filter& i = program_[at];
      if (i.code == kReturn) return code.Return(i.k);
      if (i.code == kGo) {
        at += i.k + 1;
      } else if (i.code == kLoad && Known(i.k)) {
        value = Known(i.k);
        ++at;
      } else if (i.code == kAnd && value) {
        *value &= i.k;
        ++at;
      } else if (IsCondition(i.code) && value) {
        at += (Holds(i, *value) ? i.jt : i.jf) + size_t{1};
      } else {
        break;
      }
    }
    const auto found = added_.find(at);
    if (found != added_.end()) return found->second;
    const sock_filter& i = program_[at];
    size_t place = 0;
    if (IsCondition(i.code)) {
      const size_t yes = Add(code, at + i.jt + 1, std::nullopt);
      const size_t no = Add(code, at + i.jf + 1, std::nullopt);
      place = code.Jump(i, yes, no);
    } else {
      place = code.Then(i, Add(code, at + 1, std::nullopt));
    }
    added_[at] = place;
    return place;
  }

 private:
  std::optional<uint32_t> Known(uint32_t offset) const {
    if (offset == offsetof(seccomp_data, nr)) return number_;
    if (offset == offsetof(seccomp_data, arch)) return architecture_;
    return std::nullopt;
  }
  const std::vector<sock_filter>& program_;
  const uint32_t architecture_, number_;
  std::map<size_t, size_t> added_;
};

// What a program compares numbers and architectures with: between two neighbours of these all
// numbers are the same to it.
struct Facts {
  std::set<uint32_t> numbers = {0};
  std::set<uint32_t> architectures;
};

// Every way through it, by what is in the accumulator. Nothing: it does what is not understood.
std::optional<Facts> Look(const std::vector<sock_filter>& program) {
  enum What : uint8_t { kNothing, kNumber, kArchitecture, kArgument };
  Facts facts;
  std::set<std::pair<size_t, What>> seen;
  std::vector<std::pair<size_t, What>> open = {{0, kNothing}};
  while (!open.empty()) {
    const auto [at, what] = open.back();
    open.pop_back();
    if (at >= program.size()) return std::nullopt;
    if (!seen.emplace(at, what).second) continue;
    const sock_filter& i = program[at];
    if (i.code == kReturn) continue;
    if (i.code == kGo) {
      open.emplace_back(at + i.k + 1, what);
    } else if (i.code == kLoad) {
      open.emplace_back(at + 1, i.k == offsetof(seccomp_data, nr)     ? kNumber
                                : i.k == offsetof(seccomp_data, arch) ? kArchitecture
                                                                      : kArgument);
    } else if (i.code == kAnd && what == kArgument) {
      open.emplace_back(at + 1, what);
    } else if (IsCondition(i.code) && what != kNothing) {
      if (what == kArchitecture && i.code != kEqual) return std::nullopt;
      if (what == kNumber && i.code == kBits) return std::nullopt;
      if (what == kArchitecture) facts.architectures.insert(i.k);
      if (what == kNumber && i.code != kGreater) facts.numbers.insert(i.k);
      if (what == kNumber && i.code != kNotLess && i.k != ~0u) facts.numbers.insert(i.k + 1);
      open.emplace_back(at + i.jt + 1, what);
      open.emplace_back(at + i.jf + 1, what);
    } else {
      return std::nullopt;
    }
  }
  return facts;
}

struct Range {
  uint32_t first;
  std::optional<uint32_t> answer;
};

size_t Search(Backwards& code, const std::vector<std::pair<uint32_t, size_t>>& places, size_t from,
              size_t to) {
  if (to - from == 1) return places[from].second;
  const size_t middle = from + (to - from) / 2;
  const size_t high = Search(code, places, middle, to), low = Search(code, places, from, middle);
  return code.Jump({kNotLess, 0, 0, places[middle].first}, high, low);
}

// Everything for one architecture, from the load of the number on.
size_t AddArchitecture(Backwards& code, const std::vector<sock_filter>& program,
                       uint32_t architecture, const std::set<uint32_t>& edges) {
  std::vector<Range> ranges;
  for (const uint32_t first : edges) {
    const std::optional<uint32_t> answer = Rest(program, architecture, first).Constant();
    if (ranges.empty() || !answer || ranges.back().answer != answer)
      ranges.push_back({first, answer});
  }
  std::vector<std::pair<uint32_t, size_t>> places;
  for (const Range& range : ranges) {
    places.emplace_back(range.first,
                        range.answer
                            ? code.Return(*range.answer)
                            : Rest(program, architecture, range.first).Add(code, 0, std::nullopt));
  }
  const size_t root = Search(code, places, 0, places.size());
  return code.Then({kLoad, 0, 0, offsetof(seccomp_data, nr)}, root);
}

}  // namespace

std::vector<sock_filter> Shorten(const std::vector<sock_filter>& program) {
  const std::optional<Facts> facts = Look(program);
  if (!facts) return program;
  uint32_t other = 0;  // stands for every architecture that it does not know
  while (facts->architectures.contains(other)) ++other;
  Backwards code;
  size_t entry = AddArchitecture(code, program, other, facts->numbers);
  for (const uint32_t architecture : facts->architectures) {
    const size_t block = AddArchitecture(code, program, architecture, facts->numbers);
    entry = code.Jump({kEqual, 0, 0, architecture}, block, entry);
  }
  code.Then({kLoad, 0, 0, offsetof(seccomp_data, arch)}, entry);
  if (code.size() >= program.size()) return program;
  return std::move(code).Take();
}

}  // namespace keelson::seccomp
