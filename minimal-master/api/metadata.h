// SPDX-License-Identifier: Apache-2.0
// The metadata that every object has: what the server sets when it is created, what may never
// change, and how names are checked. Pure, any thread. Source: the API's conventions, upstream's
// api/validation (1.35).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/json/value.h"
#include "lib/kube/problems.h"
#include "minimal-master/schema/resources.h"
#include "minimal-master/status/failure.h"

namespace keelson::api {

struct Birth {
  std::string uid;
  std::string time;    // RFC 3339
  std::string suffix;  // for generateName
};

// Sets name, namespace, uid and time, forgets what only the server says. Refuses a namespace that
// is not that of the path.
status::Or<bool> BeginMetadata(json::Value& object, std::string_view ns, const Birth& birth);
// Before an update: what cannot change is taken from `old` where the client left it out.
void KeepMetadata(json::Value& object, const json::Value& old);

// Five characters that are hard to confuse, of which none spells a word.
std::string RandomSuffix();

}  // namespace keelson::api
