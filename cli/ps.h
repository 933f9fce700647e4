// SPDX-License-Identifier: Apache-2.0
// `keelson ps`: the node's pods, and their containers when asked.
#pragma once

#include <string>

#include "cli/console.h"
#include "cli/node.h"
#include "lib/base/clock.h"

namespace keelson::cli {

struct PsOptions {
  bool all = false;  // those that have completed, too
  bool containers = false;
  std::string output;      // "", "wide", "json", "yaml"
  std::string name_space;  // empty: every one
};

base::Status Ps(const PsOptions& options, Kubelet& kubelet, const base::Clock& clock,
                const Console& console);

// The pods that are to be shown, by namespace and name.
std::vector<json::Value> SelectPods(const json::Value& list, const PsOptions& options,
                                    size_t& left_out);
std::string PodTable(const std::vector<json::Value>& pods, const PsOptions& options,
                     int64_t now_wall_nanos);

}  // namespace keelson::cli
