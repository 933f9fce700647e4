// SPDX-License-Identifier: Apache-2.0
// How many pods whoever owns a pod was told to have. Reads the cache; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lib/json/value.h"
#include "minimal-master/watch/cache.h"

namespace keelson::controllers::disruption {

struct Scale {
  std::string uid;  // a Deployment's for the pods of its replica sets
  int64_t replicas = 0;
};
// Of the ownerReference `owner`. Nothing: there is no such object (any more); with `why` it is of a
// kind that has no scale.
std::optional<Scale> ScaleOf(const watch::Cache& cache, std::string_view ns,
                             const json::Value& owner, std::string& why);

}  // namespace keelson::controllers::disruption
