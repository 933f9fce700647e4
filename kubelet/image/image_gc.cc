// SPDX-License-Identifier: Apache-2.0
#include "kubelet/image/image_gc.h"

#include <algorithm>
#include <tuple>

namespace keelson::image_gc {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

// Bytes to free so that at most `low_percent` is in use; 0 while less than `high_percent` is.
int64_t ToFree(const Policy& policy, const Disk& disk) {
  if (policy.high_percent >= 100) return 0;  // upstream's way to say: never
  if (disk.capacity <= 0 || disk.available < 0)
    return 0;  // not measured: not a reason to remove anything
  const int64_t used = disk.capacity - std::min(disk.available, disk.capacity);
  // In parts of a hundred, without overflow: a capacity of 2^56 bytes times a hundred still fits.
  if (used * 100 < disk.capacity * policy.high_percent) return 0;
  return std::max<int64_t>(disk.capacity * (100 - policy.low_percent) / 100 - disk.available, 0);
}

}  // namespace

Plan PlanImageGc(const Policy& policy, const Disk& disk, const std::vector<ImageUse>& images,
                 int64_t now_wall_nanos) {
  Plan plan;
  plan.to_free = ToFree(policy, disk);
  std::vector<const ImageUse*> idle;
  for (const ImageUse& image : images) {
    if (!image.in_use && !image.pinned) idle.push_back(&image);
  }
  // The longest unused first; of those that no container ever used the one longest here. The name
  // makes the order certain.
  std::sort(idle.begin(), idle.end(), [](const ImageUse* a, const ImageUse* b) {
    return std::tie(a->last_used, a->first_seen, a->id) <
           std::tie(b->last_used, b->first_seen, b->id);
  });
  const auto take = [&](const ImageUse& image) {
    plan.remove.push_back(image.id);
    plan.will_free += image.size;
  };
  std::vector<const ImageUse*> rest;
  const int64_t maximum_age = policy.maximum_age.count() * kSecond;
  for (const ImageUse* image : idle) {
    // One that was never used is as old as its presence.
    const int64_t idle_since = std::max(image->last_used, image->first_seen);
    if (maximum_age > 0 && now_wall_nanos - idle_since > maximum_age) {
      take(*image);
    } else {
      rest.push_back(image);
    }
  }
  for (const ImageUse* image : rest) {
    if (plan.will_free >= plan.to_free) break;
    // A pod that is about to use it may have asked for it just now.
    if (now_wall_nanos - image->first_seen < policy.minimum_age.count() * kSecond) continue;
    take(*image);
  }
  return plan;
}

}  // namespace keelson::image_gc
