// SPDX-License-Identifier: Apache-2.0
// Which of several active pods is missed least. Pure, any thread.
#pragma once

#include <vector>

#include "minimal-master/controllers/pods/facts.h"

namespace keelson::pods {

// First those without a node, then those that do not run, are not ready, are ready for a shorter
// time, restarted more often, are younger.
void SortForRemoval(std::vector<PodPtr>& pods);

}  // namespace keelson::pods
