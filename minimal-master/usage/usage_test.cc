// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/usage/usage.h"

#include <gtest/gtest.h>

namespace keelson::usage {
namespace {

std::string Text(double seconds, int64_t bytes, int64_t at) {
  const auto line = [&](const std::string& name, const std::string& labels, double value) {
    return name + labels + " " + std::to_string(value) + " " + std::to_string(at) + "\n";
  };
  const std::string of = R"({container="app",namespace="d",pod="web-1"})";
  return "# HELP container_cpu_usage_seconds_total x\n# TYPE container_cpu_usage_seconds_total "
         "counter\n" +
         line("container_cpu_usage_seconds_total", of, seconds) +
         line("container_memory_working_set_bytes", of, static_cast<double>(bytes)) +
         line("container_start_time_seconds", of, 5) +
         line("node_cpu_usage_seconds_total", "", seconds * 2) +
         line("node_memory_working_set_bytes", "", static_cast<double>(bytes) * 2);
}

TEST(ResourceMetrics, AreReadByNameAndLabels) {
  const NodeReading reading = ReadResourceMetrics(Text(1.5, 1000, 12345));
  EXPECT_EQ(reading.node.cpu_seconds, 3.0);
  EXPECT_EQ(reading.node.memory_bytes, 2000.0);
  ASSERT_EQ(reading.containers.size(), 1u);
  const Reading& app = reading.containers.at({"d", "web-1"}).at("app");
  EXPECT_EQ(app.cpu_seconds, 1.5);
  EXPECT_EQ(app.memory_bytes, 1000.0);
  EXPECT_EQ(app.at_millis, 12345);
}

TEST(ResourceMetrics, WhatCannotBeReadIsLeftOut) {
  EXPECT_TRUE(ReadResourceMetrics("").containers.empty());
  for (const char* bad :
       {"container_cpu_usage_seconds_total{container=\"a\",namespace=\"d\",pod=\"p\" 1",
        "container_cpu_usage_seconds_total{container=\"a\",namespace=\"d\",pod=\"p\"} NaN",
        "container_cpu_usage_seconds_total{container=\"a\",namespace=\"d\",pod=\"p\"} -1",
        "container_cpu_usage_seconds_total{container=\"a\",namespace=\"d\",pod=\"p", "x{", "{}",
        "container_cpu_usage_seconds_total{namespace=\"d\",pod=\"p\"} 1"})
    EXPECT_TRUE(ReadResourceMetrics(bad).containers.empty()) << bad;
  const NodeReading odd = ReadResourceMetrics(
      "container_memory_working_set_bytes{pod=\"a\\\"b\",namespace=\"d\",container=\"c\"} 1e3\n");
  EXPECT_EQ(odd.containers.begin()->first.name, "a\"b");
}

TEST(Usage, IsWhatWasUsedBetweenTwoReadings) {
  Usage usage;
  usage.Put("a", ReadResourceMetrics(Text(10, 1000, 100'000)), 0);
  EXPECT_TRUE(usage.Nodes(0).empty());  // one reading is no use
  usage.Put("a", ReadResourceMetrics(Text(13, 2000, 110'000)), 0);
  const auto nodes = usage.Nodes(0);
  ASSERT_EQ(nodes.size(), 1u);
  EXPECT_DOUBLE_EQ(nodes[0].use.cores, 0.6);
  EXPECT_DOUBLE_EQ(nodes[0].use.memory_bytes, 4000);
  EXPECT_EQ(nodes[0].window_millis, 10'000);
  const auto pod = usage.Pod(0, {"d", "web-1"});
  ASSERT_TRUE(pod);
  EXPECT_DOUBLE_EQ(pod->containers.at("app").cores, 0.3);
  EXPECT_EQ(usage.Pods(0, "d").size(), 1u);
  EXPECT_TRUE(usage.Pods(0, "other").empty());
  EXPECT_TRUE(usage.Nodes(110'001).empty());  // too old
  EXPECT_FALSE(usage.Pod(0, {"d", "web-2"}));
}

TEST(Usage, OfANodeIsKeptInAShortRing) {
  Usage usage;
  for (int i = 0; i < 100; ++i)
    usage.Put("a", ReadResourceMetrics(Text(10 + 5 * i, 1000 + i, 100'000 + 10'000 * i)), 0);
  auto past = usage.Past();
  ASSERT_EQ(past["a"].size(), Usage::kPoints);
  EXPECT_EQ(past["a"].back().at_millis, 1'090'000);
  EXPECT_EQ(past["a"].front().at_millis, 1'090'000 - 59 * 10'000);
  EXPECT_FLOAT_EQ(past["a"].front().cores, 1);
  EXPECT_FLOAT_EQ(past["a"].back().memory_bytes, 2198);
  usage.Forget("a");
  EXPECT_TRUE(usage.Past().empty());
}

TEST(Usage, AContainerThatBeganAnewIsNotTold) {
  Usage usage;
  usage.Put("a", ReadResourceMetrics(Text(10, 1000, 100'000)), 0);
  usage.Put("a", ReadResourceMetrics(Text(1, 1000, 110'000)), 0);
  EXPECT_FALSE(usage.Pod(0, {"d", "web-1"}));
}

TEST(Usage, TheSameReadingAgainChangesNothing) {
  Usage usage;
  usage.Put("a", ReadResourceMetrics(Text(10, 1000, 100'000)), 0);
  usage.Put("a", ReadResourceMetrics(Text(13, 1000, 110'000)), 0);
  usage.Put("a", ReadResourceMetrics(Text(13, 1000, 110'000)), 0);
  EXPECT_TRUE(usage.Pod(0, {"d", "web-1"}));
}

TEST(Usage, OfANodeThatWentNothingIsLeft) {
  Usage usage;
  usage.Put("a", ReadResourceMetrics(Text(10, 1000, 100'000)), 0);
  usage.Put("a", ReadResourceMetrics(Text(13, 1000, 110'000)), 0);
  usage.Forget("a");
  EXPECT_TRUE(usage.Nodes(0).empty());
  EXPECT_TRUE(usage.Pods(0, "").empty());
}

}  // namespace
}  // namespace keelson::usage
