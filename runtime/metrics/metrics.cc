// SPDX-License-Identifier: Apache-2.0
#include "runtime/metrics/metrics.h"

#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <mutex>

namespace keelson::metrics {
namespace {

// Seconds: from a list answered from memory to a pull.
const prometheus::Histogram::BucketBoundaries kTimes = {0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01,
                                                        0.025,  0.1,    0.5,   2.5,    10,    60};

double Seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

}  // namespace

struct RuntimeMetrics::State {
  prometheus::Registry registry;
  prometheus::Family<prometheus::Histogram>& calls =
      prometheus::BuildHistogram()
          .Name("keelson_cri_call_seconds")
          .Help("Time of the CRI calls that were answered, by gRPC code.")
          .Register(registry);
  prometheus::Family<prometheus::Histogram>& stages =
      prometheus::BuildHistogram()
          .Name("keelson_operation_stage_seconds")
          .Help("Time of the stages of the operations behind the calls.")
          .Register(registry);
  std::mutex mutex;
  std::function<std::map<std::string, double>()> gauges;  // guarded by mutex
};

RuntimeMetrics::RuntimeMetrics() : state_(std::make_unique<State>()) {}
RuntimeMetrics::~RuntimeMetrics() = default;

void RuntimeMetrics::CallDone(std::string_view call, std::string_view code,
                              std::chrono::nanoseconds took) {
  state_->calls.Add({{"call", std::string(call)}, {"code", std::string(code)}}, kTimes)
      .Observe(Seconds(took));
}

void RuntimeMetrics::OperationDone(const operations::Finished& finished) {
  for (const auto& [stage, time] : finished.stages) {
    state_->stages.Add({{"call", finished.call}, {"stage", stage}}, kTimes).Observe(Seconds(time));
  }
}

void RuntimeMetrics::SetGauges(std::function<std::map<std::string, double>()> read) {
  const std::lock_guard lock(state_->mutex);
  state_->gauges = std::move(read);
}

std::string RuntimeMetrics::Text() const {
  std::vector<prometheus::MetricFamily> families = state_->registry.Collect();
  const std::lock_guard lock(state_->mutex);
  if (state_->gauges) {
    for (const auto& [name, value] : state_->gauges()) {
      prometheus::MetricFamily family;
      family.name = name;
      family.type = name.ends_with("_total") ? prometheus::MetricType::Counter
                                             : prometheus::MetricType::Gauge;
      prometheus::ClientMetric metric;
      metric.gauge.value = value;
      metric.counter.value = value;
      family.metric.push_back(std::move(metric));
      families.push_back(std::move(family));
    }
  }
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace keelson::metrics
