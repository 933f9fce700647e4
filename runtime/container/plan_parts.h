// SPDX-License-Identifier: Apache-2.0
// Parts of PlanContainer, for plan.cc alone: each reads the request and fills in what of the plan
// is its own. Pure, any thread.
#pragma once

#include "runtime/container/plan.h"

namespace keelson::container {

// Identity, capabilities, profiles and labels.
base::Status PlanSecurity(const PlanInput& input, Plan& plan);
// After PlanSecurity: whether the pod's user namespace has its users and groups.
base::Status PlanNamespaces(const PlanInput& input, Plan& plan);
// The standard ones, volumes and the pod's files, in the order in which they are made.
base::Status PlanMounts(const PlanInput& input, Plan& plan);

}  // namespace keelson::container
