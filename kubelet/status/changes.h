// SPDX-License-Identifier: Apache-2.0
// What is worth an event between two statuses of a pod: containers that began to wait for a restart
// or for another try at their image. Pure. Reasons and messages are upstream's.
#pragma once

#include <string>
#include <vector>

#include "kubelet/pod/facts.h"
#include "lib/json/value.h"

namespace keelson::status {

struct Event {
  bool warning = false;
  std::string reason, message;
  bool operator==(const Event&) const = default;
};
// `before` may be null: there was none.
std::vector<Event> EventsBetween(const json::Value& before, const json::Value& after,
                                 const kube::ObjectMeta& pod);

}  // namespace keelson::status
