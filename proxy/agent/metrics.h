// SPDX-License-Identifier: Apache-2.0
// What the agent counts, under upstream's names. References into a registry, which outlives it; one
// thread but for OnAnswer.
#pragma once

#include <vector>

#include "lib/meter/registry.h"
#include "proxy/apply/writer.h"
#include "proxy/health/health.h"

namespace keelson::proxy {

struct Metrics {
  explicit Metrics(meter::Registry& registry);
  // What a writer did between two looks at its figures; `seconds`: the whole write.
  void Wrote(const Figures& before, const Figures& after, double seconds);
  // Of all writers' rules together, by table.
  void Rules(const std::vector<Figures>& now);

  meter::Histogram& duration;
  meter::Histogram& full_duration;
  meter::Histogram& partial_duration;
  meter::Histogram& programming;  // from a change of endpoints to its rules
  meter::Histogram& flow_duration;
  meter::Counter& failures;
  meter::Counter& partial_failures;
  meter::Counter& flows_forgotten;
  meter::Counter& service_changes;
  meter::Counter& endpoint_changes;
  meter::Gauge& services_pending;
  meter::Gauge& endpoints_pending;
  meter::Gauge& last_time;
  meter::Gauge& last_queued;
  meter::Gauge& no_local_internal;
  meter::Gauge& no_local_external;
  meter::Family<meter::Gauge>& rules;
  meter::Family<meter::Gauge>& last_rules;
};

void CountAnswers(Health& health, meter::Registry& registry);

}  // namespace keelson::proxy
