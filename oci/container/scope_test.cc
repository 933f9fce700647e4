// SPDX-License-Identifier: Apache-2.0
#include "oci/container/scope.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keelson::oci {
namespace {

using systemd::Properties;
using testing::HasSubstr;

TEST(Scope, LimitsAreThoseOfTheGroup) {
  cgroup::Resources resources;
  resources.cpu_shares = 1024;
  resources.cpu_quota = 40'001;
  resources.cpu_period = 100'000;
  resources.memory_limit = 1 << 20;
  resources.memory_swap_limit = 3 << 20;
  resources.pids_limit = -1;
  EXPECT_EQ(LimitsOfScope(resources), (Properties{{"CPUWeight", uint64_t{100}},
                                                  {"CPUQuotaPeriodUSec", uint64_t{100'000}},
                                                  {"CPUQuotaPerSecUSec", uint64_t{410'000}},
                                                  {"MemoryMax", uint64_t{1 << 20}},
                                                  {"MemorySwapMax", uint64_t{2 << 20}},
                                                  {"TasksMax", systemd::kInfinity}}));
  EXPECT_TRUE(LimitsOfScope({}).empty());
}

TEST(Scope, FilesOfTheKernelsAreItsLimitsAsWell) {
  cgroup::Resources resources;
  resources.cpu_shares = 1024;
  resources.unified = {{"cpu.max", "max 100000"}, {"cpu.weight", "16"}, {"memory.high", "4096"},
                       {"memory.max", "max"},     {"pids.max", "10"},   {"io.max", "7:0 rbps=1"},
                       {"memory.low", "rubbish"}};
  EXPECT_EQ(LimitsOfScope(resources), (Properties{{"CPUWeight", uint64_t{16}},
                                                  {"CPUQuotaPeriodUSec", uint64_t{100'000}},
                                                  {"CPUQuotaPerSecUSec", systemd::kInfinity},
                                                  {"MemoryHigh", uint64_t{4096}},
                                                  {"MemoryMax", systemd::kInfinity},
                                                  {"TasksMax", uint64_t{10}}}));
  resources.unified = {{"cpu.idle", "1"}, {"cpu.max", "45000"}};
  EXPECT_TRUE(IsIdle(resources));
  EXPECT_EQ(LimitsOfScope(resources), (Properties{{"CPUQuotaPeriodUSec", uint64_t{100'000}},
                                                  {"CPUQuotaPerSecUSec", uint64_t{450'000}}}));
  EXPECT_FALSE(IsIdle({}));
  for (const auto& [quota, period, kept] : {std::tuple(500'000, 900'000, 504'000),
                                            {20'000, 50'000, 20'000},
                                            {12'345, 0, 13'000},
                                            {-1, 100'000, -1}}) {
    resources.cpu_quota = quota;
    resources.cpu_period = period;
    RoundQuota(resources);
    EXPECT_EQ(resources.cpu_quota, kept);
  }
  resources = {};
  resources.further = {{"", "memory.low", "max"}, {"", "io.max", "7:0 rbps=1"}};
  EXPECT_EQ(LimitsOfScope(resources), (Properties{{"MemoryLow", systemd::kInfinity}}));
}

TEST(Scope, AnnotationsAreProperties) {
  const auto read = AnnotatedProperties({{"other", "x"},
                                         {"org.systemd.property.TimeoutStopSec", "10"},
                                         {"org.systemd.property.CollectMode", "'inactive'"},
                                         {"org.systemd.property.MemoryLow", "uint64 5"},
                                         {"org.systemd.property.Delegate", "false"}});
  ASSERT_TRUE(read.ok()) << read.error().message();
  EXPECT_EQ(*read, (Properties{{"TimeoutStopUSec", uint64_t{10'000'000}},
                               {"CollectMode", std::string("inactive")},
                               {"MemoryLow", uint64_t{5}},
                               {"Delegate", false}}));
  for (const char* bad : {"text", "-1", "'open", "[1]", ""}) {
    const auto refused = AnnotatedProperties({{"org.systemd.property.X", bad}});
    ASSERT_FALSE(refused.ok()) << bad;
    EXPECT_THAT(refused.error().message(), HasSubstr("org.systemd.property.X"));
  }
  EXPECT_FALSE(AnnotatedProperties({{"org.systemd.property.RuntimeMaxSec", "'long'"}}).ok());
}

TEST(Scope, OfTwoTheLaterOneCounts) {
  Properties base = {{"TasksMax", systemd::kInfinity}, {"Slice", std::string("a.slice")}};
  Overlay(base, {{"TasksMax", uint64_t{7}}, {"New", true}});
  EXPECT_EQ(
      base,
      (Properties{{"TasksMax", uint64_t{7}}, {"Slice", std::string("a.slice")}, {"New", true}}));
}

}  // namespace
}  // namespace keelson::oci
