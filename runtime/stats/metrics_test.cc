// SPDX-License-Identifier: Apache-2.0
#include "runtime/stats/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "cri-api/cri.h"
#include "cri-api/metrics.pb.h"
#include "lib/base/strings.h"

namespace keelson::stats {
namespace {

// What dashboards, and both peers, name.
constexpr std::string_view kNames =
    "blkio_device_usage_total cpu_cfs_periods_total cpu_cfs_throttled_periods_total "
    "cpu_cfs_throttled_seconds_total cpu_usage_seconds_total cpu_user_seconds_total "
    "cpu_system_seconds_total file_descriptors fs_inodes_free fs_inodes_total fs_limit_bytes "
    "fs_reads_bytes_total fs_reads_total fs_usage_bytes fs_writes_bytes_total fs_writes_total "
    "last_seen memory_cache memory_failcnt memory_failures_total memory_kernel_usage "
    "memory_mapped_file memory_max_usage_bytes memory_rss memory_swap memory_usage_bytes "
    "memory_working_set_bytes network_receive_bytes_total network_receive_errors_total "
    "network_receive_packets_total network_receive_packets_dropped_total "
    "network_transmit_bytes_total network_transmit_errors_total network_transmit_packets_total "
    "network_transmit_packets_dropped_total oom_events_total processes sockets spec_cpu_period "
    "spec_cpu_shares spec_memory_limit_bytes spec_memory_reservation_limit_bytes "
    "spec_memory_swap_limit_bytes start_time_seconds threads threads_max ulimits_soft "
    "hugetlb_usage_bytes hugetlb_max_usage_bytes pressure_cpu_waiting_seconds_total "
    "pressure_cpu_stalled_seconds_total pressure_memory_waiting_seconds_total "
    "pressure_memory_stalled_seconds_total pressure_io_waiting_seconds_total "
    "pressure_io_stalled_seconds_total spec_cpu_quota memory_total_active_file_bytes "
    "memory_total_inactive_file_bytes";

std::map<std::string, cri::MetricDescriptor> Descriptors() {
  cri::ListMetricDescriptorsResponse response;
  EXPECT_TRUE(response.ParseFromString(DescriptorsMessage()));
  std::map<std::string, cri::MetricDescriptor> out;
  for (const cri::MetricDescriptor& descriptor : response.descriptors())
    EXPECT_TRUE(out.emplace(descriptor.name(), descriptor).second) << descriptor.name();
  return out;
}

TEST(ListMetricDescriptors, NamesWhatBothPeersAndDashboardsKnow) {
  std::set<std::string> wanted, there;
  for (const std::string_view name : base::Split(kNames, ' '))
    wanted.insert("container_" + std::string(name));
  for (const auto& [name, descriptor] : Descriptors()) {
    there.insert(name);
    EXPECT_FALSE(descriptor.help().empty()) << name;
    EXPECT_GE(descriptor.label_keys_size(), 6) << name;
  }
  EXPECT_EQ(there, wanted);
}

// A sample in which the kernel counts everything.
PodSample FullPod() {
  auto target = std::make_shared<ContainerTarget>();
  target->id = "c1";
  target->cgroup_path = "/kubepods/p/c1";
  target->names = {"web-0", "shop", "web", "registry/web:1"};
  target->started_at = 5'000'000'000;
  auto sample = std::make_shared<ContainerSample>();
  sample->target = target;
  cgroup::Usage& usage = sample->usage.emplace();
  usage.read_at = 9'000'000'000;
  usage.cpu = cgroup::CpuUsage{7'900'000'000, 4'000'000'000, 3'000'000'000, 10, 2, 1'500'000'000};
  cgroup::MemoryUsage& memory = usage.memory.emplace();
  memory.usage = 100;
  memory.inactive_file = 30;
  memory.page_faults = 12;
  memory.own_page_faults = 11;
  memory.limit = 1 << 20;
  usage.processes = 2;
  usage.threads = 5;
  usage.threads_limit = 99;
  usage.io = {{8, 1, 10, 20, 1, 2}};
  usage.cpu_pressure = usage.memory_pressure = usage.io_pressure =
      cgroup::Pressure{{0, 0, 0, 3'100'000}, {0, 0, 0, 1'000'000}};
  usage.huge_pages["2MB"] = {4096, 8192};
  usage.cpu_quota_us = 50'000;
  sample->processes = ProcessFigures{17, 3, 1024};
  sample->disk = DiskUsage{4096, 3, 1, true};
  PodSample pod;
  auto pod_target = std::make_shared<PodTarget>();
  pod_target->id = "p1";
  pod_target->cgroup_path = "/kubepods/p";
  pod_target->names = {"web-0", "shop", "", ""};
  pod.target = pod_target;
  pod.containers.push_back(sample);
  pod.links = {{"eth0", 1, 2, 3, 4, 5, 6, 7, 8}};
  pod.links_at = 9'000'000'000;
  return pod;
}

cri::PodSandboxMetrics Metrics(const PodSample& pod) {
  Machine machine;
  machine.filesystem_device = "/dev/vda";
  machine.filesystem_bytes = 1 << 30;
  machine.devices[{8, 1}] = "/dev/sda1";
  cri::PodSandboxMetrics metrics;
  EXPECT_TRUE(metrics.ParseFromString(MetricsMessage(pod, machine)));
  return metrics;
}

std::map<std::string, std::string> LabelsOf(const cri::Metric& metric) {
  std::map<std::string, std::string> labels;
  const auto descriptors = Descriptors();
  const auto found = descriptors.find(metric.name());
  if (found == descriptors.end()) return labels;
  for (int i = 0; i < found->second.label_keys_size(); ++i)
    labels[found->second.label_keys(i)] = metric.label_values(i);
  return labels;
}

TEST(ListPodSandboxMetrics, EveryMetricHasADescriptorAndAsManyLabelsAsIt) {
  const auto descriptors = Descriptors();
  const cri::PodSandboxMetrics metrics = Metrics(FullPod());
  std::set<std::string> seen;
  const auto check = [&](const cri::Metric& metric) {
    seen.insert(metric.name());
    ASSERT_TRUE(descriptors.contains(metric.name())) << metric.name();
    EXPECT_EQ(metric.label_values_size(), descriptors.at(metric.name()).label_keys_size())
        << metric.name();
    EXPECT_EQ(metric.timestamp(), 9'000'000'000) << metric.name();
  };
  for (const cri::Metric& metric : metrics.metrics()) check(metric);
  ASSERT_EQ(metrics.container_metrics_size(), 1);
  for (const cri::Metric& metric : metrics.container_metrics(0).metrics()) check(metric);
  EXPECT_EQ(seen.size(), descriptors.size()) << "a sample of everything has every metric";
}

TEST(ListPodSandboxMetrics, LabelsAreThoseOfCadvisor) {
  const cri::PodSandboxMetrics metrics = Metrics(FullPod());
  EXPECT_EQ(metrics.pod_sandbox_id(), "p1");
  EXPECT_EQ(metrics.container_metrics(0).container_id(), "c1");
  for (const cri::Metric& metric : metrics.container_metrics(0).metrics()) {
    std::map<std::string, std::string> labels = LabelsOf(metric);
    EXPECT_EQ(labels["container"], "web");
    EXPECT_EQ(labels["id"], "/kubepods/p/c1");
    EXPECT_EQ(labels["image"], "registry/web:1");
    EXPECT_EQ(labels["name"], "c1");
    EXPECT_EQ(labels["namespace"], "shop");
    EXPECT_EQ(labels["pod"], "web-0");
    if (metric.name() == "container_cpu_usage_seconds_total") {
      EXPECT_EQ(labels["cpu"], "total");
      EXPECT_EQ(metric.value().value(), 7u);
      EXPECT_EQ(metric.metric_type(), cri::COUNTER);
    }
    if (metric.name() == "container_memory_working_set_bytes") {
      EXPECT_EQ(metric.value().value(), 70u);
      EXPECT_EQ(metric.metric_type(), cri::GAUGE);
    }
    if (metric.name() == "container_fs_reads_bytes_total") {
      EXPECT_EQ(labels["device"], "/dev/sda1");
      EXPECT_EQ(metric.value().value(), 10u);
    }
    if (metric.name() == "container_pressure_cpu_waiting_seconds_total") {
      EXPECT_EQ(metric.value().value(), 3u);
    }
  }
  for (const cri::Metric& metric : metrics.metrics()) {
    std::map<std::string, std::string> labels = LabelsOf(metric);
    EXPECT_EQ(labels["container"], "");
    EXPECT_EQ(labels["interface"], "eth0");
    EXPECT_EQ(labels["pod"], "web-0");
  }
}

TEST(ListPodSandboxMetrics, SayNothingOfWhatIsNotMeasured) {
  PodSample pod = FullPod();
  auto bare = std::make_shared<ContainerSample>();
  bare->target = pod.containers[0]->target;
  bare->usage.emplace().read_at = 9'000'000'000;
  auto gone = std::make_shared<ContainerSample>();
  gone->target = pod.containers[0]->target;
  pod.containers = {bare, gone};
  pod.links_at = 0;
  const cri::PodSandboxMetrics metrics = Metrics(pod);
  EXPECT_EQ(metrics.metrics_size(), 0);
  ASSERT_EQ(metrics.container_metrics_size(), 1);
  for (const cri::Metric& metric : metrics.container_metrics(0).metrics()) {
    EXPECT_EQ(metric.name().find("pressure"), std::string::npos) << metric.name();
    EXPECT_EQ(metric.name().find("container_memory"), std::string::npos) << metric.name();
  }
}

}  // namespace
}  // namespace keelson::stats
