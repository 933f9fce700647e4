// SPDX-License-Identifier: Apache-2.0
// What /metrics and /metrics/probes of the kubelet tell of its own work, by upstream's names.
// Made first and gone last: what counts holds references. Any thread.
#pragma once

#include <array>
#include <string>

#include "kubelet/lifecycle/view.h"
#include "kubelet/probe/probes.h"
#include "lib/meter/registry.h"

namespace keelson::metrics {

// Upper bounds of histograms.
inline constexpr std::array<double, 14> kSeconds = {0.001, 0.0025, 0.005, 0.0125, 0.03, 0.08, 0.2,
                                                    0.5,   1.2,    3,     7.5,    19,   48,   120};
inline constexpr std::array<double, 10> kPullSeconds = {0.1, 0.5, 1, 5, 10, 20, 30, 60, 180, 600};

class Metrics {
 public:
  Metrics();
  meter::Registry& registry() { return own_; }
  // What is there already and only read when somebody asks; `view` outlives every question.
  void ShowNode(const std::string& node, const lifecycle::View& view, bool cgroup_v2);
  // Of the containers that are watched, so that what went is not kept for ever. `probes` outlives
  // every question.
  void ShowProbes(const probe::Probes& probes);

  std::string Text() const { return own_.Text(); }
  std::string ProbesText() const { return probes_.Text(); }

 private:
  meter::Registry own_, probes_;
};

}  // namespace keelson::metrics
