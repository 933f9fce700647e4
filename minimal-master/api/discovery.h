// SPDX-License-Identifier: Apache-2.0
// What clients ask first: which groups, versions and resources there are, in the old form (a
// document for each) and the aggregated one. Made once from the schema's table; any thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "lib/json/value.h"

namespace keelson::api {

// Of a path /api, /apis, /api/v1, /apis/<group>, /apis/<group>/<version>: the document; null where
// there is none. `address` ("192.0.2.1:6443") stands in that of /api.
json::Value LegacyDiscovery(std::string_view path, std::string_view address);
// Of /api (core) or /apis: an APIGroupDiscoveryList.
json::Value AggregatedDiscovery(bool core);

// The content type of the aggregated form in the version that `accept` names first, or empty when
// it names none before plain JSON.
std::string AggregatedTypeIn(std::string_view accept);

}  // namespace keelson::api
