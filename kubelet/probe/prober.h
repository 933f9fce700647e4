// SPDX-License-Identifier: Apache-2.0
// One probe or lifecycle hook, carried out: HTTP, TCP, gRPC health or a command in the container.
// Blocks up to the timeout; any thread. Behaviour of httpGet (headers, redirects, no proxy, no
// certificate check, SO_LINGER 1 s): spec of upstream's kubelet.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/kube/pod.h"

namespace keelson::probe {

struct Target {
  std::string address;                         // the pod's
  std::string container_id;                    // the runtime's
  const kube::Container* container = nullptr;  // for ports by name
  // What people are told of a hook beside how it ended: reason and message of a warning; may be
  // empty.
  std::function<void(const std::string& reason, const std::string& message)> warn = {};
};

enum class Outcome {
  kSuccess,
  kWarning,
  kFailure,
  kError
};  // kError: the probe itself could not be made (retried, keeps the state)
struct Answer {
  Outcome outcome = Outcome::kError;
  std::string message;  // "HTTP probe failed with statuscode: 500"
};

struct ExecAnswer {
  int exit_code = 0;
  std::string output;
};
// ExecSync of the runtime; DeadlineExceeded when it ran out of time.
using ExecFunction = std::function<base::Result<ExecAnswer>(const std::string& container_id,
                                                            const std::vector<std::string>& command,
                                                            std::chrono::seconds timeout)>;

class Prober {
 public:
  virtual ~Prober() = default;
  virtual Answer Probe(const kube::Probe& probe, const Target& target) = 0;
  // postStart and preStop. An error names what failed; an HTTP status code does not matter.
  virtual base::Status Hook(const kube::LifecycleHandler& handler, const Target& target,
                            std::chrono::seconds timeout) = 0;
};

class NodeProber final : public Prober {
 public:
  explicit NodeProber(ExecFunction exec) : exec_(std::move(exec)) {}
  Answer Probe(const kube::Probe& probe, const Target& target) override;
  base::Status Hook(const kube::LifecycleHandler& handler, const Target& target,
                    std::chrono::seconds timeout) override;

 private:
  ExecFunction exec_;
};

}  // namespace keelson::probe
