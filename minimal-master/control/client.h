// SPDX-License-Identifier: Apache-2.0
// How writes are done. Thread-safe; blocks until the write is durable. When it returns, the watch
// cache already has what was written, so whoever plans after it sees it: no expectations are kept.
// The real one is api's LocalClient; tests have FakeClient.
#pragma once

#include "minimal-master/control/write.h"
#include "minimal-master/status/failure.h"

namespace keelson::control {

class Client {
 public:
  virtual ~Client() = default;
  // The object as stored (of a delete: the object or a Status), or what the API's clients would be
  // told. `as`: the name of the controller that writes, as upstream calls it
  // ("replicaset-controller").
  virtual status::Or<json::Value> Do(std::string_view as, const Write& write) = 0;
};

}  // namespace keelson::control
