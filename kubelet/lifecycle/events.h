// SPDX-License-Identifier: Apache-2.0
// What an action is told as when it is over: upstream's reasons, and its messages where people
// search for them. Pure.
#pragma once

#include <string>
#include <vector>

#include "kubelet/lifecycle/applier.h"
#include "kubelet/status/changes.h"

namespace keelson::lifecycle {

std::vector<status::Event> EventsOfSuccess(const sync::Action& action, const Outcome& outcome,
                                           const kube::Pod& pod);
std::vector<status::Event> EventsOfFailure(const sync::Action& action, const Outcome& outcome,
                                           const kube::Pod& pod);
// A pod has waited for these as long as it may.
status::Event VolumesOverdue(std::vector<std::string> unmounted);

}  // namespace keelson::lifecycle
