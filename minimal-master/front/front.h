// SPDX-License-Identifier: Apache-2.0
// What stands around every request: it is counted, gets an Audit-Id, is written down if somebody
// wants that, and is told to come again where too many are under way already. Thread-safe;
// `registry`, the audit log and the clock outlive it and every request.
#pragma once

#include <atomic>
#include <memory>

#include "lib/base/clock.h"
#include "minimal-master/api/visit.h"
#include "minimal-master/audit/log.h"
#include "minimal-master/front/meters.h"

namespace keelson::front {

class Front {
 public:
  struct Options {
    // Requests under way at a time, without watches and other long ones: beyond that 429. Zero: no
    // bound. Administrators (system:masters) are always let in.
    size_t max_reading = 400;
    size_t max_changing = 200;
    audit::Log* audit = nullptr;
  };
  Front(meter::Registry& registry, const base::Clock& clock, Options options);

  std::shared_ptr<api::Visit> Begin(std::shared_ptr<service::Exchange> exchange,
                                    const api::Route& route);

 private:
  friend class Observed;
  // One more is under way; false: there are enough.
  bool TakeSeat(bool mutating, bool always);
  void LeaveSeat(bool mutating);

  const base::Clock& clock_;
  const Options options_;
  Meters meters_;
  std::atomic<size_t> reading_{0};
  std::atomic<size_t> changing_{0};
};

}  // namespace keelson::front
