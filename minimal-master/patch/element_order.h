// SPDX-License-Identifier: Apache-2.0
// The order of a merged list: items that a patch speaks of in the patch's order, the others where
// they were among their neighbours as far as that goes. Pure, any thread. For this folder alone.
#pragma once

#include <string>
#include <vector>

#include "lib/json/value.h"

namespace keelson::patch {

// Equal under the merge key; without one by value.
bool SameElement(const json::Value& a, const json::Value& b, const std::string& key);

// `merged` with those items that `order` names in its order, the rest in `server`'s.
std::vector<json::Value> InOrder(std::vector<json::Value> merged,
                                 const std::vector<json::Value>& order,
                                 const std::vector<json::Value>& server, const std::string& key);

// Whether the items of `patch` (those that delete aside) come in `order`, all of them.
bool FollowsOrder(const std::vector<json::Value>& patch, const std::vector<json::Value>& order,
                  const std::string& key);

}  // namespace keelson::patch
