// SPDX-License-Identifier: Apache-2.0
// Whom a change of a pod concerns: what every controller of pods has to look at because of it.
// Called on the dispatching thread.
#pragma once

#include <string_view>

#include "minimal-master/control/controller.h"
#include "minimal-master/controllers/pods/index.h"
#include "minimal-master/controllers/pods/owned.h"

namespace keelson::pods {

// Adds the pod's controller if that is a `kind`, the one it had before, and, when a pod without one
// is new or looks different, all that select it.
void RoutePod(Pods& pods, Selecting& selecting, std::string_view kind,
              const control::Change& change, const control::Controller::Add& add);

}  // namespace keelson::pods
