// SPDX-License-Identifier: Apache-2.0
#include "kubelet/image/image_gc.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string_view>

namespace keelson::image_gc {
namespace {

constexpr int64_t kMinute = int64_t{60} * 1'000'000'000;
constexpr int64_t kNow = 1000 * kMinute;
constexpr int64_t kGiB = int64_t{1} << 30;

// One that was here long before and was used `ago` minutes before now.
ImageUse Used(const std::string& id, int64_t ago, int64_t size = kGiB) {
  return {.id = id, .size = size, .first_seen = kMinute, .last_used = kNow - ago * kMinute};
}
ImageUse Never(const std::string& id, int64_t seen_ago) {
  return {.id = id, .size = kGiB, .first_seen = kNow - seen_ago * kMinute};
}

TEST(ImageGc, TakesWhatWasUsedLongestAgo) {
  struct Case {
    std::string_view name;
    Policy policy;
    Disk disk{.capacity = 100 * kGiB, .available = 15 * kGiB};  // full to the threshold
    std::vector<ImageUse> images;
    std::vector<std::string> remove;
    int64_t to_free = 5 * kGiB;
  };
  const Policy aged{.maximum_age = std::chrono::minutes(60)};
  ImageUse in_use = Used("in-use", 500);
  in_use.in_use = true;
  ImageUse pinned = Used("pinned", 500);
  pinned.pinned = true;
  const std::vector<Case> cases = {
      {.name = "one byte below the threshold",
       .disk = {.capacity = 100 * kGiB, .available = 15 * kGiB + 1},
       .images = {Used("old", 500)},
       .remove = {},
       .to_free = 0},
      {.name = "until the lower threshold, and no further",
       .images = {Used("newest", 10, 2 * kGiB), Used("middle", 50, 2 * kGiB),
                  Used("oldest", 500, 3 * kGiB), Used("older", 400, 2 * kGiB)},
       .remove = {"oldest", "older"}},
      {.name = "one more when a byte is missing",
       .images = {Used("c", 10), Used("b", 50, 1), Used("a", 500, 5 * kGiB - 1)},
       .remove = {"a", "b"}},
      {.name = "what there is, if it is not enough", .images = {Used("a", 500)}, .remove = {"a"}},
      {.name = "neither used nor pinned ones",
       .images = {in_use, pinned, Used("a", 5)},
       .remove = {"a"}},
      {.name = "never used ones first, the longest here of them before the others",
       .images = {Used("used", 500, 4 * kGiB), Never("b", 10), Never("a", 20)},
       .remove = {"a", "b", "used"}},
      {.name = "equal ages by name",
       .images = {Used("b", 9, 3 * kGiB), Used("c", 9, 3 * kGiB), Used("a", 9, 3 * kGiB)},
       .remove = {"a", "b"}},
      {.name = "not what came a moment ago, though it comes first",
       .images = {Never("fresh", 1), Never("ripe", 2)},
       .remove = {"ripe"}},
      {.name = "a disk that was not measured",
       .disk = {},
       .images = {Used("a", 500)},
       .remove = {},
       .to_free = 0},
      {.name = "more available than there is",
       .disk = {.capacity = kGiB, .available = 2 * kGiB},
       .images = {Used("a", 500)},
       .remove = {},
       .to_free = 0},
      {.name = "a full disk",
       .disk = {.capacity = 100 * kGiB},
       .images = {Used("a", 5)},
       .remove = {"a"},
       .to_free = 20 * kGiB},
      {.name = "the largest disk",
       .disk = {.capacity = int64_t{1} << 56},
       .images = {},
       .remove = {},
       .to_free = (int64_t{1} << 56) / 5},
      {.name = "a threshold of a hundred: never",
       .policy = {.high_percent = 100},
       .disk = {.capacity = 100 * kGiB},
       .images = {Used("a", 500)},
       .remove = {},
       .to_free = 0},
      {.name = "by age alone, whatever the disk",
       .policy = aged,
       .disk = {.capacity = 100 * kGiB, .available = 90 * kGiB},
       .images = {Used("at the limit", 60), Used("over it", 61), Never("young", 60),
                  Never("unused", 61), in_use, pinned},
       .remove = {"unused", "over it"},
       .to_free = 0},
      {.name = "what goes by age counts",
       .policy = aged,
       .images = {Used("young", 5), Used("old", 61, 4 * kGiB), Used("older", 62, 3 * kGiB)},
       .remove = {"older", "old"}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const Plan plan = PlanImageGc(c.policy, c.disk, c.images, kNow);
    EXPECT_EQ(plan.remove, c.remove);
    EXPECT_EQ(plan.to_free, c.to_free);
    int64_t freed = 0;
    for (const ImageUse& image : c.images) {
      if (std::find(plan.remove.begin(), plan.remove.end(), image.id) != plan.remove.end())
        freed += image.size;
    }
    EXPECT_EQ(plan.will_free, freed);
  }
}

}  // namespace
}  // namespace keelson::image_gc
