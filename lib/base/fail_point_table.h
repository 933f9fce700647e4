// SPDX-License-Identifier: Apache-2.0
// What a test and the processes that it kills share: for each point of each program how often it
// was reached and at which hit the process dies. The test makes the table and names every slot
// before it starts anything; processes only count. See fail_point.h.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace keelson::base::fail_point {

inline constexpr char kVariable[] = "KEELSON_FAIL_POINTS";

struct Slot {
  char program[24];
  char point[72];
  std::atomic<int64_t> left;  // 1: the next hit is the process's last; 0 and less: none is
  std::atomic<uint64_t> hits;
  std::atomic<uint64_t> deaths;
};

struct Table {
  static constexpr size_t kSlots = 1024;
  std::atomic<uint64_t> strangers;  // hits of points that have no slot
  char stranger[100];               // one of them
  Slot slots[kSlots];
};

// The slot of that name, or the free one where it belongs; null: the table is full.
inline Slot* Find(Table& table, const char* program, const char* point) {
  size_t at = 5381;
  for (const char* c = program; *c != '\0'; ++c) at = at * 33 + static_cast<unsigned char>(*c);
  for (const char* c = point; *c != '\0'; ++c) at = at * 33 + static_cast<unsigned char>(*c);
  for (size_t tried = 0; tried < Table::kSlots; ++tried) {
    Slot& slot = table.slots[(at + tried) % Table::kSlots];
    if (slot.point[0] == '\0' ||
        (std::strcmp(slot.point, point) == 0 && std::strcmp(slot.program, program) == 0))
      return &slot;
  }
  return nullptr;
}

}  // namespace keelson::base::fail_point
