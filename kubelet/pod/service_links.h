// SPDX-License-Identifier: Apache-2.0
// Environment variables that tell a container of services: WEB_SERVICE_HOST, WEB_PORT_80_TCP, … as
// upstream and, before it, Docker's links. Pure.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "lib/json/value.h"

namespace keelson::pod {

struct ServiceFact {
  std::string ns, name, address;  // its first cluster IP
  struct Port {
    std::string name, protocol = "TCP";
    int64_t number = 0;
  };
  std::vector<Port> ports;
};
// Of a v1 Service; without an address: none of its variables are there.
ServiceFact ServiceOf(const json::Value& object);
std::vector<std::pair<std::string, std::string>> VariablesOf(const ServiceFact& service);

}  // namespace keelson::pod
