// SPDX-License-Identifier: Apache-2.0
// What happens around a request beside its answer: it is counted, written down, or held back. One
// Visit for each request; whoever answers writes to its exchange(), which tells it how the request
// went. Called on a worker thread; what the exchange does is called from any.
#pragma once

#include <functional>
#include <memory>

#include "lib/http/service/exchange.h"
#include "minimal-master/api/route.h"
#include "minimal-master/status/failure.h"

namespace keelson::api {

class Visit {
 public:
  virtual ~Visit() = default;
  // The request is answered through this one.
  virtual std::shared_ptr<service::Exchange> exchange() = 0;
  // It is known who asks (route.user). False: it was answered, nothing more is to be done.
  virtual bool Enter(const Route& route) = 0;
  // Whether they may.
  virtual void Decided(bool allowed) = 0;
};

using Visitor = std::function<std::shared_ptr<Visit>(std::shared_ptr<service::Exchange> exchange,
                                                     const Route& route)>;

}  // namespace keelson::api
