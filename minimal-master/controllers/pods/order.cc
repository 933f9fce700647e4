// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/pods/order.h"

#include <algorithm>
#include <tuple>

namespace keelson::pods {

void SortForRemoval(std::vector<PodPtr>& pods) {
  // A time that is not known counts as the youngest.
  const auto age = [](int64_t time) { return time == 0 ? INT64_MIN : -time; };
  const auto rank = [&](const PodFacts& pod) {
    return std::make_tuple(!pod.node.empty(), pod.phase, pod.ready,
                           pod.ready ? age(pod.ready_since) : 0, -pod.restarts, age(pod.created),
                           pod.name());
  };
  std::sort(pods.begin(), pods.end(),
            [&](const PodPtr& a, const PodPtr& b) { return rank(*a) < rank(*b); });
}

}  // namespace keelson::pods
