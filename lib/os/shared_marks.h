// SPDX-License-Identifier: Apache-2.0
// Where the time of a piece of work goes that several processes do in turn: one page that they
// share, made before fork(2) and gone from a child with execve(2). Each marks what it begins;
// whoever made it reads the spans afterwards. A mark is a clock read and a store. Numbers that a
// child wrote are only ever taken as times. Without memory for the page nothing is marked.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace keelson::os {

class SharedMarks {
 public:
  static constexpr size_t kSlots = 32;
  SharedMarks();
  ~SharedMarks();
  SharedMarks(const SharedMarks&) = delete;
  SharedMarks& operator=(const SharedMarks&) = delete;

  void Clear();
  void Mark(size_t slot) const;  // the last mark of a slot counts
  // In order of their beginnings; the last goes on until now.
  std::vector<std::pair<uint8_t, std::chrono::nanoseconds>> Spans() const;

 private:
  std::atomic<int64_t>* page_ = nullptr;  // nanoseconds of CLOCK_MONOTONIC by slot; 0: no mark
};

}  // namespace keelson::os
