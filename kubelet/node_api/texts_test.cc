// SPDX-License-Identifier: Apache-2.0
// Pure texts: container metrics, /statusz and /flagz, verbosity.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kubelet/node_api/container_metrics.h"
#include "kubelet/node_api/verbosity.h"
#include "kubelet/node_api/zpages.h"

namespace keelson::node_api {
namespace {

using testing::HasSubstr;

cri::MetricDescriptor Descriptor(const std::string& name) {
  cri::MetricDescriptor one;
  one.set_name(name);
  one.set_help("Help of it");
  for (const char* key : {"container", "pod"}) one.add_label_keys(key);
  return one;
}
void Fill(cri::Metric& metric, const std::string& name, const std::string& container,
          uint64_t value) {
  metric.set_name(name);
  metric.set_metric_type(cri::COUNTER);
  metric.set_timestamp(5'000'000);
  metric.add_label_values(container);
  metric.add_label_values("web");
  metric.mutable_value()->set_value(value);
}

TEST(ContainerMetricsTest, AreWhatTheRuntimeTellsByItsDescriptors) {
  cri::PodSandboxMetrics pod;
  Fill(*pod.add_metrics(), "network", "", 7);
  cri::ContainerMetrics& container = *pod.add_container_metrics();
  Fill(*container.add_metrics(), "cpu", "a\"b", 3);
  Fill(*container.add_metrics(), "unknown", "main", 1);
  Fill(*container.add_metrics(), "cpu", "main", 1);
  container.mutable_metrics(2)->add_label_values("one too many");
  EXPECT_EQ(
      ContainerMetrics({Descriptor("cpu"), Descriptor("memory"), Descriptor("network")}, {pod}),
      "# HELP cpu Help of it\n# TYPE cpu counter\n"
      "cpu{container=\"a\\\"b\",pod=\"web\"} 3 5\n"
      "# HELP network Help of it\n# TYPE network counter\n"
      "network{container=\"\",pod=\"web\"} 7 5\n");
  EXPECT_THAT(MachineMetrics({.boot_id = "b",
                              .machine_id = "m",
                              .system_uuid = "s",
                              .processors = 4,
                              .memory_bytes = 5,
                              .swap_bytes = 0}),
              HasSubstr("machine_cpu_cores{boot_id=\"b\",machine_id=\"m\",system_uuid=\"s\"} 4\n"));
}

TEST(Zpages, SayWhatTheProgramIs) {
  const Program program{.version = "v1.35.4",
                        .built = "g++",
                        .started_at = 0,
                        .flags = {{"port", "10250"}, {"config", ""}}};
  const std::string status = Statusz(program, {"/healthz", "/pods"}, int64_t{3723} * 1'000'000'000);
  EXPECT_THAT(status, testing::StartsWith("\nkubelet statusz\nWarning: "));
  EXPECT_THAT(status,
              HasSubstr("\nStarted: Thu Jan  1 00:00:00 UTC 1970\nUp: 1 hr 02 min 03 sec\n"));
  EXPECT_THAT(status, HasSubstr("\nBinary version: v1.35.4\nPaths: /healthz /pods\n"));
  EXPECT_THAT(Flagz(program), testing::EndsWith("purposes only.\nconfig: \nport: 10250\n"));
}

TEST(Verbosity, IsKlogsNumber) {
  EXPECT_EQ(LevelOf("0").value(), base::LogLevel::kInfo);
  EXPECT_EQ(LevelOf("3").value(), base::LogLevel::kInfo);
  EXPECT_EQ(LevelOf("4").value(), base::LogLevel::kDebug);
  for (const char* bad : {"", "debug", "-1", "99999999999"}) EXPECT_FALSE(LevelOf(bad).ok()) << bad;
}

}  // namespace
}  // namespace keelson::node_api
