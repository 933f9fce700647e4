// SPDX-License-Identifier: Apache-2.0
// Stories of a node on which something runs short: what is left at each moment, and what follows.
#include "kubelet/eviction/watch.h"

#include <gtest/gtest.h>

#include "lib/base/strings.h"

namespace keelson::eviction {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

class NodeInTrouble {
 public:
  explicit NodeInTrouble(Configured configured, std::chrono::seconds transition = {})
      : rules_{ThresholdsOf(configured), transition} {
    // Of the node's alone: the story says what is left of it.
    std::erase_if(rules_.thresholds,
                  [](const Threshold& one) { return one.signal == Signal::kPodsMemory; });
  }
  // "conditions | what is acted upon"
  std::string At(int64_t seconds, const std::map<Signal, int64_t>& left) {
    const Verdict verdict = Judge(rules_, Of(left), seconds * kSecond, state_);
    std::vector<std::string> conditions, shortages;
    for (const Condition condition : verdict.conditions) conditions.push_back(NameOf(condition));
    for (const Threshold& one : verdict.shortages)
      shortages.push_back(NameOf(one.signal) + (one.IsHard() ? "" : " soft"));
    return base::Join(conditions, " ") + " | " + base::Join(shortages, " ");
  }
  bool IsEnough(const std::map<Signal, int64_t>& left) {
    return eviction::IsEnough(rules_, Of(left));
  }

 private:
  static Observations Of(const std::map<Signal, int64_t>& left) {
    Observations all;
    for (const auto& [signal, available] : left) all[signal] = {available, 1000};
    return all;
  }
  Rules rules_;
  State state_;
};

TEST(Shortage, OfAHardThresholdIsActedUponAtOnce) {
  NodeInTrouble node({.hard = {{"memory.available", "100"}, {"nodefs.available", "10%"}}});
  EXPECT_EQ(node.At(0, {{Signal::kMemory, 100}, {Signal::kNodeDisk, 100}}), " | ");
  EXPECT_EQ(node.At(10, {{Signal::kMemory, 99}, {Signal::kNodeDisk, 100}}),
            "MemoryPressure | memory.available");
  EXPECT_EQ(node.At(20, {{Signal::kMemory, 99}, {Signal::kNodeDisk, 99}}),
            "MemoryPressure DiskPressure | memory.available nodefs.available");
  EXPECT_EQ(node.At(30, {{Signal::kMemory, 100}, {Signal::kNodeDisk, 99}}),
            "DiskPressure | nodefs.available");
}

TEST(Shortage, OfASoftThresholdHasToLast) {
  NodeInTrouble node({.soft = {{"memory.available", "300"}},
                      .grace = {{"memory.available", std::chrono::seconds(60)}}});
  EXPECT_EQ(node.At(0, {{Signal::kMemory, 299}}), "MemoryPressure | ");
  EXPECT_EQ(node.At(59, {{Signal::kMemory, 299}}), "MemoryPressure | ");
  EXPECT_EQ(node.At(60, {{Signal::kMemory, 299}}), "MemoryPressure | memory.available soft");
  EXPECT_EQ(node.At(70, {{Signal::kMemory, 300}}), " | ");
  EXPECT_EQ(node.At(80, {{Signal::kMemory, 299}}), "MemoryPressure | ") << "counted anew";
}

TEST(Shortage, LastsUntilWhatIsToBeReclaimedIsThere) {
  NodeInTrouble node(
      {.hard = {{"nodefs.available", "100"}}, .reclaim = {{"nodefs.available", "5%"}}});
  EXPECT_EQ(node.At(0, {{Signal::kNodeDisk, 149}}), " | ") << "it was not short yet";
  EXPECT_EQ(node.At(10, {{Signal::kNodeDisk, 99}}), "DiskPressure | nodefs.available");
  EXPECT_EQ(node.At(20, {{Signal::kNodeDisk, 149}}), "DiskPressure | nodefs.available");
  EXPECT_FALSE(node.IsEnough({{Signal::kNodeDisk, 149}}));
  EXPECT_TRUE(node.IsEnough({{Signal::kNodeDisk, 150}}));
  EXPECT_EQ(node.At(30, {{Signal::kNodeDisk, 150}}), " | ");
  EXPECT_EQ(node.At(40, {{Signal::kNodeDisk, 149}}), " | ");
}

TEST(Shortage, TheConditionStaysForTheTransitionPeriod) {
  NodeInTrouble node({.hard = {{"pid.available", "100"}}}, std::chrono::seconds(300));
  EXPECT_EQ(node.At(0, {{Signal::kPids, 99}}), "PIDPressure | pid.available");
  EXPECT_EQ(node.At(10, {{Signal::kPids, 500}}), "PIDPressure | ");
  EXPECT_EQ(node.At(299, {{Signal::kPids, 500}}), "PIDPressure | ");
  EXPECT_EQ(node.At(300, {{Signal::kPids, 500}}), " | ");
  EXPECT_EQ(node.At(310, {{Signal::kPids, 99}}), "PIDPressure | pid.available");
}

TEST(Shortage, OfWhatIsNotKnownThereIsNone) {
  NodeInTrouble node({.hard = {{"memory.available", "100"}, {"imagefs.inodesFree", "5%"}}});
  EXPECT_EQ(node.At(0, {}), " | ");
  EXPECT_TRUE(node.IsEnough({}));
}

}  // namespace
}  // namespace keelson::eviction
