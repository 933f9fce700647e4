// SPDX-License-Identifier: Apache-2.0
#include "lib/os/shared_marks.h"

#include <sys/mman.h>
#include <time.h>

#include <algorithm>

namespace keelson::os {
namespace {

constexpr size_t kBytes = SharedMarks::kSlots * sizeof(std::atomic<int64_t>);

int64_t Now() {
  timespec now{};
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

SharedMarks::SharedMarks() {
  void* page = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (page != MAP_FAILED) page_ = static_cast<std::atomic<int64_t>*>(page);
}

SharedMarks::~SharedMarks() {
  if (page_ != nullptr) (void)munmap(page_, kBytes);
}

void SharedMarks::Clear() {
  for (size_t i = 0; page_ != nullptr && i < kSlots; ++i)
    page_[i].store(0, std::memory_order_relaxed);
}

void SharedMarks::Mark(size_t slot) const {
  if (page_ != nullptr && slot < kSlots) page_[slot].store(Now(), std::memory_order_relaxed);
}

std::vector<std::pair<uint8_t, std::chrono::nanoseconds>> SharedMarks::Spans() const {
  std::vector<std::pair<int64_t, uint8_t>> begun;
  const int64_t now = Now();
  for (size_t i = 0; page_ != nullptr && i < kSlots; ++i) {
    const int64_t at = page_[i].load(std::memory_order_relaxed);
    if (at > 0 && at <= now) begun.emplace_back(at, static_cast<uint8_t>(i));
  }
  std::sort(begun.begin(), begun.end());
  std::vector<std::pair<uint8_t, std::chrono::nanoseconds>> spans;
  for (size_t i = 0; i < begun.size(); ++i) {
    const int64_t end = i + 1 < begun.size() ? begun[i + 1].first : now;
    spans.emplace_back(begun[i].second, std::chrono::nanoseconds(end - begun[i].first));
  }
  return spans;
}

}  // namespace keelson::os
