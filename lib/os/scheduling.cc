// SPDX-License-Identifier: Apache-2.0
#include "lib/os/scheduling.h"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <optional>

namespace keelson::os {
namespace {

// The first version of the kernel's structure; C libraries of our age do not have it.
struct Attributes {
  uint32_t size = sizeof(Attributes);
  uint32_t policy = 0;
  uint64_t flags = 0;
  int32_t nice = 0;
  uint32_t priority = 0;
  uint64_t runtime = 0;
  uint64_t deadline = 0;
  uint64_t period = 0;
};
static_assert(sizeof(Attributes) == 48);

constexpr uint64_t kShortSlice = 100'000;  // nanoseconds, the kernel's least

std::optional<Attributes> Get(int thread_id) {
  Attributes attributes;
  if (syscall(SYS_sched_getattr, thread_id, &attributes, sizeof attributes, 0) != 0)
    return std::nullopt;
  if (attributes.policy != SCHED_OTHER && attributes.policy != SCHED_BATCH) return std::nullopt;
  return attributes;
}

// Everything else of the thread's stays; a refusal costs speed only.
void SetSlice(uint64_t nanoseconds) {
  std::optional<Attributes> attributes = Get(0);
  if (!attributes || attributes->runtime == nanoseconds) return;
  attributes->runtime = nanoseconds;
  (void)syscall(SYS_sched_setattr, 0, &*attributes, 0);
}

}  // namespace

void AskForShortSlices() { SetSlice(kShortSlice); }

void UseOrdinarySlices() { SetSlice(0); }

std::chrono::nanoseconds SliceOf(int thread_id) {
  const std::optional<Attributes> attributes = Get(thread_id);
  return std::chrono::nanoseconds(attributes ? attributes->runtime : 0);
}

}  // namespace keelson::os
