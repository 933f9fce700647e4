// SPDX-License-Identifier: Apache-2.0
// Sandboxes and containers as lists show them: made once after each change, never changed, shared
// by all who list. The answer's bytes are there already, so that a list of hundreds is a copy of
// bytes; what filters ask for stands beside them.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/container/record.h"
#include "runtime/stats/targets.h"

namespace keelson::cri_server {

using Labels = std::map<std::string, std::string>;

struct SandboxItem {
  std::string id;
  bool ready = false;
  Labels labels;
  std::string bytes;           // cri::PodSandbox, serialised
  std::string attributes;      // cri::PodSandboxStats with its attributes alone, serialised
  stats::PodTargetPtr target;  // what there is to measure while it is ready
};

struct ContainerItem {
  std::string id;
  std::string sandbox_id;
  int state = 0;  // cri::ContainerState
  Labels labels;
  std::string bytes;                 // cri::Container, serialised
  std::string attributes;            // cri::ContainerStats with its attributes alone, serialised
  stats::ContainerTargetPtr target;  // what there is to measure while it runs
};

using SandboxItemPtr = std::shared_ptr<const SandboxItem>;
using ContainerItemPtr = std::shared_ptr<const ContainerItem>;

}  // namespace keelson::cri_server
