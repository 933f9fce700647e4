// SPDX-License-Identifier: Apache-2.0
#include "lib/kernel/cgroup/cgroup.h"

#include <gtest/gtest.h>

#include "lib/kernel/cgroup/devices.h"

namespace keelson::cgroup {
namespace {

TEST(CgroupPlan, LimitsOfSeveralDevicesAreWrittenOneByOne) {
  Resources r;
  r.unified = {{"io.max", "7:0 riops=3\n7:1 wiops=4\n"}, {"cgroup.type", ""}};
  EXPECT_EQ(PlanV2(r), (std::vector<Write>{{"", "cgroup.type", ""},
                                           {"", "io.max", "7:0 riops=3"},
                                           {"", "io.max", "7:1 wiops=4"}}));
}

TEST(CgroupLayout, HybridHasHierarchiesAndAUnifiedTreeBeside) {
  const Layout layout =
      ParseLayout(
          "30 25 0:26 / /sys/fs/cgroup ro - tmpfs tmpfs ro\n"
          "31 30 0:27 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
          "32 30 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
          "33 30 0:29 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n"
          "34 30 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
          "35 30 0:28 /some/group /elsewhere rw - cgroup cgroup rw,memory\n")
          .value();
  EXPECT_FALSE(layout.v2);
  EXPECT_EQ(layout.unified, "/sys/fs/cgroup/unified");
  EXPECT_EQ(layout.hierarchies.at("cpuacct"), "/sys/fs/cgroup/cpu,cpuacct");
  EXPECT_EQ(layout.hierarchies.at("memory"), "/sys/fs/cgroup/memory");
  const Group group(layout, "/a/b");
  EXPECT_EQ(group.V1Directories().size(), 3u);
  EXPECT_EQ(group.UnifiedDirectory(), "/sys/fs/cgroup/unified/a/b");
  EXPECT_EQ(group.MemoryDirectory(), "/sys/fs/cgroup/memory/a/b");
}

TEST(CgroupLayout, V2IsOneTree) {
  const Layout layout =
      ParseLayout("30 25 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n").value();
  EXPECT_TRUE(layout.v2);
  EXPECT_TRUE(Group(layout, "/a").V1Directories().empty());
  EXPECT_FALSE(ParseLayout("1 2 0:3 / / rw - ext4 /dev/x rw\n").ok());
}

TEST(CgroupPlan, LimitsBecomeFileWritesOnBothLayouts) {
  Resources r;
  r.cpu_shares = 512;
  r.cpu_quota = 50000;
  r.cpu_period = 100000;
  r.memory_limit = 64 << 20;
  r.memory_swap_limit = 64 << 20;
  r.pids_limit = -1;
  EXPECT_EQ(PlanV1(r),
            (std::vector<Write>{{"cpu", "cpu.shares", "512"},
                                {"cpu", "cpu.cfs_period_us", "100000", false, true},
                                {"cpu", "cpu.cfs_quota_us", "50000"},
                                {"memory", "memory.limit_in_bytes", "67108864", false, true},
                                {"memory", "memory.memsw.limit_in_bytes", "67108864", true},
                                {"pids", "pids.max", "max"}}));
  EXPECT_EQ(PlanV2(r), (std::vector<Write>{{"", "cpu.weight", "59"},
                                           {"", "cpu.max", "50000 100000"},
                                           {"", "memory.max", "67108864"},
                                           {"", "memory.swap.max", "0", true},
                                           {"", "memory.oom.group", "1", true},
                                           {"", "pids.max", "max"}}));
  EXPECT_TRUE(PlanV1({}).empty());
  EXPECT_TRUE(PlanV2({}).empty());
}

TEST(CgroupPlan, SharesCoverTheWholeRangeOfWeights) {
  EXPECT_EQ(SharesToWeight(0), 1u);
  EXPECT_EQ(SharesToWeight(2), 1u);
  EXPECT_EQ(SharesToWeight(1024), 100u);
  EXPECT_EQ(SharesToWeight(262144), 10000u);
  EXPECT_EQ(SharesToWeight(1 << 30), 10000u);
}

TEST(CgroupPlan, HugePagesAndWhatIsNamedByHalf) {
  Resources r;
  r.hugepages = {{"2MB", 4 << 20}, {"1GB", 0}};
  r.cpu_quota = 20000;
  r.unified = {{"memory.high", "100"}};
  EXPECT_EQ(PlanV2(r), (std::vector<Write>{{"", "cpu.max", "20000"},
                                           {"", "hugetlb.1GB.max", "0", true},
                                           {"", "hugetlb.2MB.max", "4194304"},
                                           {"", "memory.high", "100"}}));
  EXPECT_EQ(PlanV1(r), (std::vector<Write>{{"cpu", "cpu.cfs_quota_us", "20000"},
                                           {"hugetlb", "hugetlb.1GB.limit_in_bytes", "0", true},
                                           {"hugetlb", "hugetlb.2MB.limit_in_bytes", "4194304"}}));
}

TEST(CgroupPath, OnlyPlainAbsolutePathsAreMade) {
  EXPECT_EQ(JoinPath("/kubepods/pod1", "abc").value(), "/kubepods/pod1/abc");
  EXPECT_EQ(JoinPath("/", "abc").value(), "/abc");
  EXPECT_EQ(JoinPath("/a/", "b").value(), "/a/b");
  for (const char* parent : {"", "kubepods.slice", "/..", "/a/../b", "/a//b", "/a/./b", "/a\n"})
    EXPECT_FALSE(JoinPath(parent, "x").ok()) << parent;
  EXPECT_FALSE(JoinPath("/a", "").ok());
  EXPECT_FALSE(JoinPath("/a", "..").ok());
}

TEST(DeviceRules, TheLastMatchingRuleDecides) {
  const std::vector<DeviceRule> rules = {{false, 'a', {}, {}, "rwm"},
                                         {true, 'c', 1, 3, "rwm"},
                                         {true, 'c', 136, {}, "rw"},
                                         {true, 'b', {}, {}, "m"},
                                         {false, 'c', 1, 3, "w"}};
  EXPECT_TRUE(IsAllowed(rules, 'c', 1, 3, "r"));
  EXPECT_FALSE(IsAllowed(rules, 'c', 1, 3, "rw"));
  EXPECT_TRUE(IsAllowed(rules, 'c', 136, 7, "rw"));
  EXPECT_FALSE(IsAllowed(rules, 'c', 136, 7, "m"));
  EXPECT_TRUE(IsAllowed(rules, 'b', 8, 0, "m"));
  EXPECT_FALSE(IsAllowed(rules, 'b', 8, 0, "r"));
  EXPECT_FALSE(IsAllowed({}, 'c', 1, 3, "r"));
  EXPECT_LT(BuildDeviceProgram(rules).size(), 60u);
}

}  // namespace
}  // namespace keelson::cgroup
