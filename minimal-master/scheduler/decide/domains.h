// SPDX-License-Identifier: Apache-2.0
// A count for each value of a topology's label: a flat table, since one is filled for every pod.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "minimal-master/scheduler/model/symbols.h"

namespace keelson::scheduler::decide {

class Domains {
 public:
  // The count of this value, which begins at 0.
  int64_t& At(model::Symbol value) {
    if ((used_ + 1) * 2 > slots_.size()) Grow();
    Slot& slot = slots_[Place(value)];
    if (slot.key == 0) {
      slot.key = uint64_t{value} + 1;
      ++used_;
    }
    return slot.count;
  }
  // Null: there is none.
  const int64_t* Find(model::Symbol value) const {
    if (used_ == 0) return nullptr;
    const Slot& slot = slots_[Place(value)];
    return slot.key == 0 ? nullptr : &slot.count;
  }
  int64_t Get(model::Symbol value) const {
    const int64_t* count = Find(value);
    return count == nullptr ? 0 : *count;
  }
  size_t size() const { return used_; }
  // Of all values; `none` when there are none.
  int64_t Lowest(int64_t none) const {
    bool any = false;
    for (const Slot& slot : slots_) {
      if (slot.key == 0 || (any && slot.count >= none)) continue;
      none = slot.count;
      any = true;
    }
    return none;
  }

 private:
  struct Slot {
    uint64_t key = 0;  // of the value, plus one
    int64_t count = 0;
  };
  size_t Place(model::Symbol value) const {
    const size_t mask = slots_.size() - 1;
    size_t at = (value * size_t{0x9E3779B1}) & mask;
    while (slots_[at].key != 0 && slots_[at].key != uint64_t{value} + 1) at = (at + 1) & mask;
    return at;
  }
  void Grow() {
    std::vector<Slot> old =
        std::exchange(slots_, std::vector<Slot>(slots_.empty() ? size_t{16} : slots_.size() * 2));
    for (const Slot& slot : old) {
      if (slot.key != 0) slots_[Place(static_cast<model::Symbol>(slot.key - 1))] = slot;
    }
  }
  std::vector<Slot> slots_;
  size_t used_ = 0;
};

}  // namespace keelson::scheduler::decide
