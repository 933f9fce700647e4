// SPDX-License-Identifier: Apache-2.0
// Sessions with containers, as the node's API asks for them: each answer is the URL of a streaming
// server that serves one session; and what is done to a container without one. Calls may block;
// thread-safe. NotFound: there is no such pod or container; ResourceExhausted: too many sessions.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "lib/base/result.h"

namespace keelson::node_api {

struct PodRef {
  std::string ns, name;
  std::string uid;  // empty: any
};

struct Wanted {
  bool in = false;
  bool out = false;
  bool err = false;  // never with tty
  bool tty = false;
};

class Streams {
 public:
  virtual ~Streams() = default;
  virtual base::Result<std::string> Exec(const PodRef& pod, const std::string& container,
                                         const std::vector<std::string>& command,
                                         const Wanted& wanted) = 0;
  virtual base::Result<std::string> Attach(const PodRef& pod, const std::string& container,
                                           const Wanted& wanted) = 0;
  virtual base::Result<std::string> PortForward(const PodRef& pod,
                                                const std::vector<int32_t>& ports) = 0;
  // What the command says, output and then errors; FailedPrecondition of one that does not end
  // with 0.
  virtual base::Result<std::string> Run(const PodRef& pod, const std::string& container,
                                        const std::vector<std::string>& command) = 0;
  // Into a file of this folder, whose path it tells. Unimplemented by most runtimes.
  virtual base::Result<std::string> Checkpoint(const PodRef& pod, const std::string& container,
                                               const std::string& folder,
                                               std::chrono::seconds timeout) = 0;
};

}  // namespace keelson::node_api
