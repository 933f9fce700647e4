// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/apply.h"

namespace keelson::controllers {

using control::Write;

control::Outcome Apply(control::Client& client, std::string_view as, const Planned& planned) {
  for (const Write& write : planned.writes) {
    const status::Or<json::Value> done = client.Do(as, write);
    if (done.ok()) continue;
    const std::string& reason = done.failure().reason;
    const bool exists = write.verb == Write::Verb::kCreate && reason == "AlreadyExists";
    const bool gone = write.verb != Write::Verb::kCreate && reason == "NotFound";
    if (!exists && !gone) return control::Outcome::Failed(done.failure().message);
  }
  return {std::nullopt, planned.again};
}

}  // namespace keelson::controllers
