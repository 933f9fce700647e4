// SPDX-License-Identifier: Apache-2.0
#include "runtime/metrics/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keelson::metrics {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

TEST(RuntimeMetrics, CountCallsByOutcomeAndStagesByCall) {
  RuntimeMetrics metrics;
  metrics.CallDone("ListContainers", "OK", milliseconds(1));
  metrics.CallDone("ListContainers", "OK", milliseconds(3));
  metrics.CallDone("ContainerStatus", "NotFound", milliseconds(1));
  metrics.OperationDone({.call = "StartContainer",
                         .object = "abc",
                         .ok = true,
                         .total = milliseconds(5),
                         .stages = {{"cgroup", milliseconds(1)}, {"monitor", milliseconds(4)}}});
  metrics.SetGauges([] { return std::map<std::string, double>{{"keelson_pods", 7}}; });
  const std::string text = metrics.Text();
  EXPECT_THAT(text,
              HasSubstr("keelson_cri_call_seconds_count{call=\"ListContainers\",code=\"OK\"} 2"));
  EXPECT_THAT(
      text,
      HasSubstr("keelson_cri_call_seconds_count{call=\"ContainerStatus\",code=\"NotFound\"} 1"));
  EXPECT_THAT(text, HasSubstr("keelson_operation_stage_seconds_sum{call=\"StartContainer\","
                              "stage=\"monitor\"} 0.004"));
  EXPECT_THAT(text, HasSubstr("keelson_pods 7"));
}

}  // namespace
}  // namespace keelson::metrics
