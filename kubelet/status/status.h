// SPDX-License-Identifier: Apache-2.0
// A pod's status as Kubernetes shows it (v1 PodStatus), from all that is known of the pod. Pure.
// Reasons, messages and the rules of phase and conditions are upstream's, so that dashboards and
// people read what they know.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "kubelet/pod/facts.h"
#include "lib/json/value.h"

namespace keelson::status {

struct NodeAddresses {
  std::vector<std::string> host_ips;
  std::string runtime_name = "keelson";  // "<runtime>://<id>"
};

std::string PhaseOf(const pod::Facts& facts);
// Keeps lastTransitionTime while a condition stays; `changes` remembers them ("Ready=True" -> when)
// and is updated.
json::Value StatusOf(const pod::Facts& facts, const NodeAddresses& node, int64_t now,
                     std::map<std::string, int64_t>& changes);
// The pod as it was given, with identity and status: one item of a PodList.
json::Value PodDocument(const pod::Facts& facts, json::Value status);

}  // namespace keelson::status
