// SPDX-License-Identifier: Apache-2.0
// What a Service gets from the cluster: families, addresses, ports on nodes. Pure: what others have
// is handed in, chance too. Source: k8s.io/kubernetes/pkg/registry/core/service (1.35), recorded
// answers in tests/data/golden.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "lib/json/value.h"
#include "lib/kube/problems.h"
#include "minimal-master/allocation/ip_range.h"

namespace keelson::allocation {

struct Ranges {
  std::vector<IpRange> services;  // one or two families, the first is the default
  int64_t first_port = 30000;
  int64_t last_port = 32767;
};

// What other services have.
struct Taken {
  std::set<std::string> addresses;  // canonical
  std::set<int64_t> ports;
  void Add(const json::Value& service);
};

// Before validation: the two forms of one address agree, and what an update leaves out is kept.
// `old`: null when it is created.
void Normalize(json::Value& service, const json::Value* old);

// After validation: fills in what is missing. Empty: done.
std::vector<kube::Problem> Allocate(json::Value& service, const Ranges& ranges, const Taken& taken,
                                    const Random& random);

}  // namespace keelson::allocation
