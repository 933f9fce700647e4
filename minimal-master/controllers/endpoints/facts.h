// SPDX-License-Identifier: Apache-2.0
// What the endpoints controllers need to know of a pod, read once from its object. Pure, any
// thread. Source: what k8s.io/endpointslice (1.35) looks at.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/json/value.h"

namespace keelson::endpoints {

struct NamedPort {
  std::string name;
  std::string protocol;
  int64_t number = 0;
};

struct PodFacts {
  std::string ns;
  std::string name;
  std::string uid;
  std::string node;  // empty: not on any yet
  std::string hostname;
  std::string subdomain;
  std::vector<std::string> ips;
  std::vector<NamedPort> ports;  // of containers and of init containers that stay
  bool ready = false;
  bool terminating = false;
  bool ended = false;  // Succeeded or Failed
};

PodFacts ReadPod(const json::Value& pod);

// Whether a selector of a service holds: equal values for all its keys; an empty one never does.
// `label(key)` returns null where there is none.
template <typename Label>
bool Selects(const json::Value& selector, const Label& label) {
  if (selector.members().empty()) return false;
  for (const auto& [key, value] : selector.members()) {
    const std::string_view* has = label(std::string_view(key));
    if (has == nullptr || *has != value.AsString()) return false;
  }
  return true;
}

}  // namespace keelson::endpoints
