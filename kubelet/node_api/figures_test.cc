// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kubelet/node_api/cri_figures.h"
#include "lib/json/value.h"

namespace keelson::node_api {
namespace {

constexpr int64_t kAt = 1'700'000'000'123'000'000;

cri::PodSandboxStats Stats() {
  cri::PodSandboxStats stats;
  cri::PodSandboxMetadata& metadata = *stats.mutable_attributes()->mutable_metadata();
  metadata.set_name("web");
  metadata.set_namespace_("default");
  metadata.set_uid("u-1");
  cri::LinuxPodSandboxStats& linux_stats = *stats.mutable_linux();
  linux_stats.mutable_cpu()->set_timestamp(kAt);
  linux_stats.mutable_cpu()->mutable_usage_core_nano_seconds()->set_value(2'500'000'000);
  linux_stats.mutable_memory()->set_timestamp(kAt);
  linux_stats.mutable_memory()->mutable_working_set_bytes()->set_value(8192);
  linux_stats.mutable_network()->set_timestamp(kAt);
  linux_stats.mutable_network()->mutable_default_interface()->set_name("eth0");
  linux_stats.mutable_network()->mutable_default_interface()->mutable_rx_bytes()->set_value(7);
  *linux_stats.mutable_network()->add_interfaces() = linux_stats.network().default_interface();
  linux_stats.mutable_network()->add_interfaces()->set_name("net1");
  linux_stats.mutable_process()->mutable_process_count()->set_value(3);
  cri::ContainerStats& container = *linux_stats.add_containers();
  container.mutable_attributes()->mutable_metadata()->set_name("main");
  container.mutable_cpu()->set_timestamp(kAt);
  container.mutable_cpu()->mutable_usage_core_nano_seconds()->set_value(1'500'000'000);
  container.mutable_memory()->set_timestamp(kAt);
  container.mutable_memory()->mutable_working_set_bytes()->set_value(4096);
  container.mutable_swap()->set_timestamp(kAt);
  container.mutable_swap()->mutable_swap_usage_bytes()->set_value(100);
  container.mutable_swap()->mutable_swap_available_bytes()->set_value(900);
  return stats;
}

Figures Node() {
  Figures figures;
  figures.node = "node-1";
  figures.machine = MachineFigures(
      "cpu  100 20 30 4000 50 6 7 8 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\nbtime 1600000000\n",
      "MemTotal:       1000 kB\nMemFree:         400 kB\nInactive(file):  100 kB\n"
      "AnonPages: 50 kB\nSwapTotal: 20 kB\nSwapFree: 5 kB\n",
      100, kAt);
  figures.pods.push_back(FiguresOf(Stats()));
  figures.pods[0].containers[0].started_at = 1'650'000'000'500'000'000;
  return figures;
}

// Whole texts: what scrapers of upstream's kubelets read.
TEST(ResourceMetrics, AreUpstreams) {
  EXPECT_EQ(
      ResourceMetrics(Node()),
      "# HELP container_cpu_usage_seconds_total [STABLE] Cumulative cpu time consumed by the "
      "container in core-seconds\n"
      "# TYPE container_cpu_usage_seconds_total counter\n"
      "container_cpu_usage_seconds_total{container=\"main\",namespace=\"default\",pod=\"web\"} 1.5 "
      "1700000000123\n"
      "# HELP container_memory_working_set_bytes [STABLE] Current working set of the container in "
      "bytes\n"
      "# TYPE container_memory_working_set_bytes gauge\n"
      "container_memory_working_set_bytes{container=\"main\",namespace=\"default\",pod=\"web\"} "
      "4096 1700000000123\n"
      "# HELP container_start_time_seconds [STABLE] Start time of the container since unix epoch "
      "in seconds\n"
      "# TYPE container_start_time_seconds gauge\n"
      "container_start_time_seconds{container=\"main\",namespace=\"default\",pod=\"web\"} "
      "1650000000.5\n"
      "# HELP container_swap_limit_bytes [ALPHA] Current amount of the container swap limit in "
      "bytes. Reported only on non-windows systems\n"
      "# TYPE container_swap_limit_bytes gauge\n"
      "container_swap_limit_bytes{container=\"main\",namespace=\"default\",pod=\"web\"} 1000 "
      "1700000000123\n"
      "# HELP container_swap_usage_bytes [ALPHA] Current amount of the container swap usage in "
      "bytes. Reported only on non-windows systems\n"
      "# TYPE container_swap_usage_bytes gauge\n"
      "container_swap_usage_bytes{container=\"main\",namespace=\"default\",pod=\"web\"} 100 "
      "1700000000123\n"
      "# HELP node_cpu_usage_seconds_total [STABLE] Cumulative cpu time consumed by the node in "
      "core-seconds\n"
      "# TYPE node_cpu_usage_seconds_total counter\n"
      "node_cpu_usage_seconds_total 1.63 1700000000123\n"
      "# HELP node_memory_working_set_bytes [STABLE] Current working set of the node in bytes\n"
      "# TYPE node_memory_working_set_bytes gauge\n"
      "node_memory_working_set_bytes 512000 1700000000123\n"
      "# HELP node_swap_usage_bytes [ALPHA] Current swap usage of the node in bytes. Reported only "
      "on non-windows systems\n"
      "# TYPE node_swap_usage_bytes gauge\n"
      "node_swap_usage_bytes 15360 1700000000123\n"
      "# HELP pod_cpu_usage_seconds_total [STABLE] Cumulative cpu time consumed by the pod in "
      "core-seconds\n"
      "# TYPE pod_cpu_usage_seconds_total counter\n"
      "pod_cpu_usage_seconds_total{namespace=\"default\",pod=\"web\"} 2.5 1700000000123\n"
      "# HELP pod_memory_working_set_bytes [STABLE] Current working set of the pod in bytes\n"
      "# TYPE pod_memory_working_set_bytes gauge\n"
      "pod_memory_working_set_bytes{namespace=\"default\",pod=\"web\"} 8192 1700000000123\n"
      "# HELP pod_swap_usage_bytes [ALPHA] Current amount of the pod swap usage in bytes. Reported "
      "only on non-windows systems\n"
      "# TYPE pod_swap_usage_bytes gauge\n"
      "pod_swap_usage_bytes{namespace=\"default\",pod=\"web\"} 100 1700000000123\n"
      "# HELP resource_scrape_error [STABLE] 1 if there was an error while getting container "
      "metrics, 0 otherwise\n"
      "# TYPE resource_scrape_error gauge\n"
      "resource_scrape_error 0\n"
      "# HELP scrape_error [ALPHA] (Deprecated since 1.29.0) 1 if there was an error while getting "
      "container metrics, 0 otherwise\n"
      "# TYPE scrape_error gauge\n"
      "scrape_error 0\n");
}

TEST(ResourceMetrics, SayThatNothingCouldBeRead) {
  const std::string text = ResourceMetrics(base::Unavailable("no runtime"));
  EXPECT_THAT(text, testing::HasSubstr("\nresource_scrape_error 1\n"));
  EXPECT_THAT(text, testing::Not(testing::HasSubstr("container_cpu")));
}

TEST(ResourceMetrics, WholeNumbersStayWhole) {
  Figures figures = Node();
  figures.machine.memory.working_set = 68'719'476'737;
  EXPECT_THAT(ResourceMetrics(figures),
              testing::HasSubstr("node_memory_working_set_bytes 68719476737 "));
}

TEST(Summary, TellsOfNodeAndPods) {
  const json::Value all = json::ParseJson(Summary(Node(), false)).value();
  EXPECT_EQ(all.At({"node", "nodeName"}).AsString(), "node-1");
  EXPECT_EQ(all.At({"node", "startTime"}).AsString(), "2020-09-13T12:26:40Z");
  EXPECT_EQ(all.At({"node", "memory", "availableBytes"}).AsInt(), 512000);
  const json::Value& pod = all.At({"pods"}).items().at(0);
  EXPECT_EQ(pod.At({"podRef", "uid"}).AsString(), "u-1");
  EXPECT_EQ(pod.At({"cpu", "usageCoreNanoSeconds"}).AsInt(), 2'500'000'000);
  EXPECT_EQ(pod.At({"network", "rxBytes"}).AsInt(), 7);
  EXPECT_EQ(pod.At({"network", "interfaces"}).items().size(), 2u);
  EXPECT_EQ(pod.At({"process_stats", "process_count"}).AsInt(), 3);
  const json::Value& container = pod.At({"containers"}).items().at(0);
  EXPECT_EQ(container.At({"name"}).AsString(), "main");
  EXPECT_EQ(container.At({"swap", "swapUsageBytes"}).AsInt(), 100);

  const json::Value little = json::ParseJson(Summary(Node(), true)).value();
  EXPECT_TRUE(little.At({"pods"}).items().at(0).At({"network"}).IsNull());
  EXPECT_EQ(little.At({"pods"}).items().at(0).At({"memory", "workingSetBytes"}).AsInt(), 8192);
}

TEST(MachineFigures, AreNothingOfTextsThatAreNone) {
  const NodeFigures nothing = MachineFigures("", "MemTotal: much\n", 100, kAt);
  EXPECT_FALSE(nothing.cpu.core_nanos || nothing.memory.usage || nothing.swap.usage);
}

}  // namespace
}  // namespace keelson::node_api
