// SPDX-License-Identifier: Apache-2.0
// What puts plans of one family into the kernel: the seam between the proxy and its backends.
// Called by one thread at a time, in whose network namespace it works; blocks.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "proxy/plan/plan.h"

namespace keelson::proxy {

struct ServicePlan {
  std::string name;             // "ns/name"
  std::vector<PortPlan> ports;  // empty: it is gone, or has no address of the family
  uint16_t health_port = 0;
};

// Since the writer began, for metrics.
struct Figures {
  uint64_t full = 0, partial = 0;  // writes that went well
  uint64_t failures = 0, partial_failures = 0;
  uint64_t flow_looks = 0, flows_forgotten = 0;
  double flow_seconds = 0;
  std::map<std::string, uint64_t> rules, last_rules;  // by table: there now; of the last write
};

class Writer {
 public:
  virtual ~Writer() = default;
  virtual Family family() const = 0;
  // Services that are new, changed or gone. They are taken over even if writing fails: the next
  // call writes them too, so after an error it may be called without any. The first call takes away
  // what an earlier run left.
  virtual base::Status Write(std::vector<ServicePlan> changed) = 0;
  // False: somebody has flushed the rules; the next Write writes everything.
  virtual base::Result<bool> Intact() = 0;
  // Services that are left out because their rules are refused, with what was said. Tried again
  // when they change, and when everything is written anew.
  virtual std::map<std::string, std::string> Refused() const { return {}; }
  virtual Figures figures() const { return {}; }
  virtual base::Status Remove() = 0;  // everything that ever was ours
};

}  // namespace keelson::proxy
