// SPDX-License-Identifier: Apache-2.0
// Doing what a plan says: writes in their order, and what came of them as an outcome. Thread-safe.
#pragma once

#include <vector>

#include "minimal-master/control/client.h"
#include "minimal-master/control/controller.h"

namespace keelson::controllers {

// What a plan returns.
struct Planned {
  std::vector<control::Write> writes;
  std::optional<std::chrono::milliseconds> again;
};

// Stops at the first write that fails. What is gone already (of a delete or a change) or there
// already (of a create) is as good as done: the next event shows what is.
control::Outcome Apply(control::Client& client, std::string_view as, const Planned& planned);

}  // namespace keelson::controllers
