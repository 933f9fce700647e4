// SPDX-License-Identifier: Apache-2.0
#include "lib/kernel/cgroup/usage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keelson::cgroup {
namespace {

TEST(CpuUsage, OfVersion1IsReadFromThreeFiles) {
  CpuUsage cpu;
  ParseCpuStatV1("nr_periods 17\nnr_throttled 4\nthrottled_time 812345678\nnr_bursts 0\n", cpu);
  ParseCpuacctStat("user 150\nsystem 25\n", 100, cpu);
  EXPECT_EQ(cpu.periods, 17u);
  EXPECT_EQ(cpu.throttled_periods, 4u);
  EXPECT_EQ(cpu.throttled_ns, 812345678u);
  EXPECT_EQ(cpu.user_ns, 1'500'000'000u);
  EXPECT_EQ(cpu.system_ns, 250'000'000u);
}

TEST(CpuUsage, OfVersion2IsInMicroseconds) {
  CpuUsage cpu;
  ParseCpuStatV2(
      "usage_usec 1029385\nuser_usec 810000\nsystem_usec 219385\nnice_usec 0\n"
      "core_sched.force_idle_usec 0\nnr_periods 12\nnr_throttled 3\nthrottled_usec 4567\n"
      "nr_bursts 0\nburst_usec 0\n",
      cpu);
  EXPECT_EQ(cpu.total_ns, 1'029'385'000u);
  EXPECT_EQ(cpu.user_ns, 810'000'000u);
  EXPECT_EQ(cpu.system_ns, 219'385'000u);
  EXPECT_EQ(cpu.periods, 12u);
  EXPECT_EQ(cpu.throttled_periods, 3u);
  EXPECT_EQ(cpu.throttled_ns, 4'567'000u);
}

TEST(MemoryUsage, OfVersion1CountsTheGroupsBelow) {
  MemoryUsage memory;
  memory.usage = 5'000'000;
  ParseMemoryStatV1(
      "cache 100\nrss 200\nrss_huge 0\nmapped_file 10\nswap 0\npgfault 7\npgmajfault 1\n"
      "inactive_file 1\nactive_file 2\nhierarchical_memory_limit 67108864\n"
      "hierarchical_memsw_limit 100663296\ntotal_cache 1100000\ntotal_rss 2200000\n"
      "total_mapped_file 330000\ntotal_swap 4096\ntotal_pgfault 77\ntotal_pgmajfault 5\n"
      "total_inactive_file 1000000\ntotal_active_file 100000\n",
      memory);
  EXPECT_EQ(memory.cache, 1'100'000u);
  EXPECT_EQ(memory.anonymous, 2'200'000u);
  EXPECT_EQ(memory.mapped_file, 330'000u);
  EXPECT_EQ(memory.swap, 4096u);
  EXPECT_EQ(memory.page_faults, 77u);
  EXPECT_EQ(memory.own_page_faults, 7u);
  EXPECT_EQ(memory.major_page_faults, 5u);
  EXPECT_EQ(memory.limit, 67'108'864u);
  EXPECT_EQ(memory.swap_limit, 33'554'432u);
  EXPECT_EQ(memory.WorkingSet(), 4'000'000u);
}

TEST(MemoryUsage, OfVersion1KnowsNoLimitAndNoSwapAccounting) {
  MemoryUsage memory;
  ParseMemoryStatV1("hierarchical_memory_limit 9223372036854771712\ntotal_rss 1\n", memory);
  EXPECT_FALSE(memory.limit);
  EXPECT_FALSE(memory.swap);
  EXPECT_FALSE(memory.swap_limit);
}

TEST(MemoryUsage, OfVersion2IsHierarchicalByItself) {
  MemoryUsage memory;
  memory.usage = 1'000'000;
  ParseMemoryStatV2(
      "anon 421888\nfile 90112\nkernel 262144\nkernel_stack 16384\nfile_mapped 45056\n"
      "inactive_anon 0\nactive_anon 421888\ninactive_file 40960\nactive_file 49152\npgfault 812\n"
      "pgmajfault 2\n",
      memory);
  EXPECT_EQ(memory.anonymous, 421'888u);
  EXPECT_EQ(memory.cache, 90'112u);
  EXPECT_EQ(memory.kernel, 262'144u);
  EXPECT_EQ(memory.mapped_file, 45'056u);
  EXPECT_EQ(memory.active_file, 49'152u);
  EXPECT_EQ(memory.page_faults, 812u);
  EXPECT_EQ(memory.major_page_faults, 2u);
  EXPECT_EQ(memory.WorkingSet(), 959'040u);
  ParseMemoryEvents("low 0\nhigh 3\nmax 41\noom 2\noom_kill 1\noom_group_kill 0\n", memory);
  EXPECT_EQ(memory.limit_hits, 41u);
  EXPECT_EQ(memory.oom_kills, 1u);
}

TEST(MemoryUsage, AWorkingSetIsNeverBelowZero) {
  MemoryUsage memory;
  memory.usage = 10;
  memory.inactive_file = 20;
  EXPECT_EQ(memory.WorkingSet(), 0u);
}

TEST(DeviceIo, OfVersion1ComesFromTwoFiles) {
  std::vector<DeviceIo> io;
  ParseThrottleV1("254:0 Read 4096\n254:0 Write 8192\n254:0 Sync 0\n7:1 Read 1\nTotal 12289\n",
                  true, io);
  ParseThrottleV1("254:0 Read 2\n254:0 Write 3\n254:0 Total 5\nTotal 5\n", false, io);
  EXPECT_THAT(io,
              testing::ElementsAre(DeviceIo{254, 0, 4096, 8192, 2, 3}, DeviceIo{7, 1, 1, 0, 0, 0}));
}

TEST(DeviceIo, OfVersion2IsALineADevice) {
  std::vector<DeviceIo> io;
  ParseIoStatV2(
      "8:16 rbytes=1459200 wbytes=314773504 rios=192 wios=353 dbytes=0 dios=0\n"
      "8:0 \n253:1 rbytes=90430464 wbytes=0 rios=8950 wios=0 dbytes=50331648 dios=3021\n",
      io);
  EXPECT_THAT(
      io, testing::ElementsAre(DeviceIo{8, 16, 1459200, 314773504, 192, 353},
                               DeviceIo{8, 0, 0, 0, 0, 0}, DeviceIo{253, 1, 90430464, 0, 8950, 0}));
}

TEST(PressureText, HasSomeAndFull) {
  const auto pressure = ParsePressure(
      "some avg10=1.53 avg60=0.87 avg300=0.22 total=1234567\n"
      "full avg10=0.00 avg60=0.13 avg300=0.02 total=4567\n");
  ASSERT_TRUE(pressure);
  EXPECT_DOUBLE_EQ(pressure->some.avg10, 1.53);
  EXPECT_DOUBLE_EQ(pressure->some.avg300, 0.22);
  EXPECT_EQ(pressure->some.total_us, 1234567u);
  EXPECT_DOUBLE_EQ(pressure->full.avg60, 0.13);
  EXPECT_EQ(pressure->full.total_us, 4567u);
  EXPECT_FALSE(ParsePressure(""));
}

TEST(UsageTexts, NonsenseIsPassedOver) {
  const std::string long_text(200'000, 'x');
  for (const std::string_view text :
       {std::string_view("nr_periods"), std::string_view("nr_periods -1\nusage_usec 1e9\n\n \n"),
        std::string_view("total_cache 99999999999999999999999\n"), std::string_view(long_text),
        std::string_view("a:b Read 1\n4294967296:0 Read 1\n1: rbytes=1\n:1 rbytes\n"),
        std::string_view("some\nfull avg10= total=x\n")}) {
    CpuUsage cpu;
    MemoryUsage memory;
    std::vector<DeviceIo> io;
    Usage usage;
    ParseCpuStatV1(text, cpu);
    ParseCpuStatV2(text, cpu);
    ParseCpuacctStat(text, 0, cpu);
    ParseMemoryStatV1(text, memory);
    ParseMemoryStatV2(text, memory);
    ParseThrottleV1(text, true, io);
    ParseIoStatV2(text, io);
    ParseCpuMax(text, usage);
    (void)ParsePressure(text);
    EXPECT_EQ(cpu.total_ns + cpu.periods + memory.cache, 0u) << text.substr(0, 40);
    EXPECT_TRUE(io.empty()) << text.substr(0, 40);
    EXPECT_FALSE(ParseNumber(text));
  }
}

TEST(UsageTexts, ManyDevicesAreBounded) {
  std::string text;
  for (int i = 0; i < 3000; ++i) text += "8:" + std::to_string(i) + " rbytes=1\n";
  std::vector<DeviceIo> io;
  ParseIoStatV2(text, io);
  EXPECT_EQ(io.size(), 256u);
}

TEST(CpuMax, HasAQuotaOrNone) {
  Usage usage;
  ParseCpuMax("max 100000\n", usage);
  EXPECT_FALSE(usage.cpu_quota_us);
  EXPECT_EQ(usage.cpu_period_us, 100'000u);
  ParseCpuMax("50000 200000\n", usage);
  EXPECT_EQ(usage.cpu_quota_us, 50'000);
  EXPECT_EQ(usage.cpu_period_us, 200'000u);
}

TEST(CpuWeight, GoesBackToTheSharesItCameFrom) {
  for (const uint64_t weight : {1u, 20u, 39u, 100u, 4096u, 10000u})
    EXPECT_EQ(SharesToWeight(static_cast<int64_t>(WeightToShares(weight))), weight) << weight;
  EXPECT_EQ(WeightToShares(100), 1024u);
  EXPECT_GT(WeightToShares(10000), 262000u);
}

TEST(DescriptorBudget, GivesNoMoreThanItHas) {
  DescriptorBudget budget(2);
  EXPECT_TRUE(budget.Take());
  EXPECT_TRUE(budget.Take());
  EXPECT_FALSE(budget.Take());
  budget.Return(1);
  EXPECT_TRUE(budget.Take());
}

}  // namespace
}  // namespace keelson::cgroup
