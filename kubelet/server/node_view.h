// SPDX-License-Identifier: Apache-2.0
// What the kubelet shows to people and programs, as the server sees it: answers come from immutable
// snapshots and never block.
#pragma once

#include <string>

#include "lib/base/result.h"

namespace keelson::server {

class NodeView {
 public:
  virtual ~NodeView() = default;
  virtual std::string Pods() const = 0;           // a v1 PodList with statuses, JSON
  virtual std::string RunningPods() const = 0;    // a v1 PodList of what the runtime runs
  virtual std::string Configuration() const = 0;  // {"kubeletconfig": {…}} as /configz
  // The last plan for the pod and what it waits for; plain text. NotFound names the pod.
  virtual base::Result<std::string> Explain(const std::string& namespace_name,
                                            const std::string& pod) const = 0;
  // The log file of the container's present (or previous) run. Errors as upstream words them.
  struct LogFile {
    std::string path;
    bool running = false;
  };
  virtual base::Result<LogFile> Log(const std::string& namespace_name, const std::string& pod,
                                    const std::string& container, bool previous) const = 0;
  // Empty: healthy; else one line per failed check ("syncloop: …").
  virtual std::string Unhealthy() const = 0;
};

}  // namespace keelson::server
