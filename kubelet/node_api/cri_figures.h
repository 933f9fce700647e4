// SPDX-License-Identifier: Apache-2.0
// Figures by a CRI runtime for pods, by /proc for the machine. Blocks; thread-safe. Runtime and
// clock outlive this. Source: CRI v1 stats, proc(5).
#pragma once

#include <string_view>

#include "cri-api/client/runtime_client.h"
#include "kubelet/node_api/figures.h"
#include "lib/base/clock.h"

namespace keelson::node_api {

class CriFigures final : public FiguresView {
 public:
  CriFigures(cri_client::RuntimeClient& runtime, const base::Clock& clock, std::string node)
      : runtime_(runtime), clock_(clock), node_(std::move(node)) {}
  base::Result<Figures> Read() override;

 private:
  cri_client::RuntimeClient& runtime_;
  const base::Clock& clock_;
  const std::string node_;
};

// Texts of /proc/stat and /proc/meminfo, as a root cgroup would have them.
NodeFigures MachineFigures(std::string_view stat, std::string_view meminfo, int64_t ticks_a_second,
                           int64_t now);
PodFigures FiguresOf(const cri::PodSandboxStats& stats);

}  // namespace keelson::node_api
