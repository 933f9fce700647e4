// SPDX-License-Identifier: Apache-2.0
#include "kubelet/node/shares.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "kubelet/node/machine.h"
#include "lib/os/temp_dir.h"

namespace keelson::node {
namespace {

TEST(Shares, PodsArePromisedWhatReservationsAndEvictionLeave) {
  const os::TempDir dir = os::TempDir::Create("keelson-shares").value();
  config::KubeletConfig config;
  config.max_pods = 7;
  config.pods_per_core = 0;
  config.system_reserved = {{"cpu", kube::Quantity::Parse("100m").value()},
                            {"memory", kube::Quantity::Parse("16Mi").value()},
                            {"ephemeral-storage", kube::Quantity::Parse("1Mi").value()}};
  config.eviction_hard = {{"memory.available", "32Mi"}, {"nodefs.available", "25%"}};
  const auto shares = SharesOf(config, dir.path());
  ASSERT_TRUE(shares.ok()) << shares.error().message();
  const node_cgroup::NodeCapacity &all = shares->capacity, &limits = shares->limits;
  EXPECT_EQ(limits.milli_cpu, all.milli_cpu - 100);
  EXPECT_EQ(limits.memory_bytes, all.memory_bytes - (16 << 20));
  EXPECT_EQ(limits.pods, 7);
  EXPECT_EQ(shares->allocatable.milli_cpu, limits.milli_cpu);
  EXPECT_EQ(shares->allocatable.memory_bytes,
            WithoutHugePages(limits.memory_bytes - (32 << 20), all));
  ASSERT_GT(all.storage_bytes, 0);
  const auto quarter = static_cast<int64_t>(static_cast<double>(all.storage_bytes) * 25 / 100);
  EXPECT_EQ(shares->allocatable.storage_bytes,
            std::max<int64_t>(1, all.storage_bytes - quarter - (1 << 20)));
}

TEST(Shares, WithoutAKnownDiskNothingIsSaidOfIt) {
  const auto shares = SharesOf({}, "/nowhere/at/all");
  ASSERT_TRUE(shares.ok()) << shares.error().message();
  EXPECT_EQ(shares->capacity.storage_bytes, node_cgroup::NodeCapacity().storage_bytes);
}

}  // namespace
}  // namespace keelson::node
