// SPDX-License-Identifier: Apache-2.0
#include "kubelet/eviction/signals.h"

#include <gtest/gtest.h>

#include "lib/base/strings.h"

namespace keelson::eviction {
namespace {

std::string Shown(const std::vector<Threshold>& thresholds) {
  std::vector<std::string> lines;
  for (const Threshold& one : thresholds) {
    lines.push_back(NameOf(one.signal) + "<" + one.least.Text(1000 << 10) +
                    (one.reclaim ? "+" + one.reclaim->Text(1000 << 10) : "") +
                    (one.IsHard() ? "" : " after " + std::to_string(one.grace.count())));
  }
  return base::Join(lines, ", ");
}

TEST(Thresholds, AreWhatIsConfiguredMemoryFirst) {
  EXPECT_EQ(Shown(ThresholdsOf({.hard = {{"imagefs.available", "15%"},
                                         {"memory.available", "100Mi"},
                                         {"nodefs.inodesFree", "0%"},
                                         {"containerfs.available", "10%"},
                                         {"pid.available", "100"}},
                                .soft = {{"memory.available", "0.2Gi"}},
                                .reclaim = {{"imagefs.available", "2Gi"}},
                                .grace = {{"memory.available", std::chrono::nanoseconds(7)}}})),
            "memory.available<100Mi, memory.available<214748364800m after 7, "
            "allocatableMemory.available<100Mi, imagefs.available<150Ki+2Gi, pid.available<100");
}

TEST(Thresholds, RefuseWhatTheyCannotBe) {
  const struct {
    std::string signal, text, error;
  } cases[] = {
      {"disk.available", "1Gi", "unsupported eviction signal disk.available"},
      {"memory.available", "much", "\"much\" is neither an amount nor a share such as 10%"},
      {"memory.available", "x%", "\"x%\" is neither an amount nor a share such as 10%"},
      {"memory.available", "-5%", "must be between 0% and 100%, and is -5%"},
      {"memory.available", "101%", "must be between 0% and 100%, and is 101%"},
      {"memory.available", "0", "must be positive, and is 0"},
      {"memory.available", "-1Gi", "must be positive, and is -1Gi"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.text);
    const auto threshold = ParseThreshold(c.signal, c.text);
    ASSERT_FALSE(threshold.ok());
    EXPECT_EQ(threshold.error().message(), c.error);
  }
  EXPECT_FALSE(ParseReclaim("nodefs.available", "0%").ok());
  EXPECT_FALSE(ParseReclaim("nodefs.available", "-1").ok());
  EXPECT_TRUE(ParseReclaim("nodefs.available", "0").ok());
}

TEST(Thresholds, BytesReadAsUpstreamWritesThem) {
  EXPECT_EQ(BytesText(53484 << 10), "53484Ki");
  EXPECT_EQ(BytesText(int64_t{1} << 30), "1Gi");
  EXPECT_EQ(BytesText(1000), "1000");
  EXPECT_EQ(BytesText(0), "0");
}

}  // namespace
}  // namespace keelson::eviction
