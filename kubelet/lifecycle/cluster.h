// SPDX-License-Identifier: Apache-2.0
// What the agent tells a cluster of its pods. Called on the agent's thread; must not block.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "lib/json/value.h"
#include "lib/kube/pod.h"

namespace keelson::lifecycle {

class Cluster {
 public:
  virtual ~Cluster() = default;
  // The static pods that there are to be.
  virtual void StaticPodsAre(const std::vector<kube::Pod>& pods) = 0;
  // Its status as of now; often the same as before.
  virtual void StatusIs(const kube::Pod& pod, const json::Value& status) = 0;
  // Nothing of it is left on the node.
  virtual void Gone(const kube::Pod& pod) = 0;
  // `annotations`: of the event.
  virtual void Happened(const kube::Pod& pod, bool warning, const std::string& reason,
                        const std::string& message,
                        const std::map<std::string, std::string>& annotations) = 0;
  virtual void HappenedToNode(bool warning, const std::string& reason,
                              const std::string& message) = 0;
};

}  // namespace keelson::lifecycle
