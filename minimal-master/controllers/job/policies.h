// SPDX-License-Identifier: Apache-2.0
// What a Job says about failures and about success before all indexes have it. Pure, any thread.
#pragma once

#include <optional>
#include <string>

#include "minimal-master/controllers/job/facts.h"
#include "minimal-master/controllers/job/indexes.h"

namespace keelson::job {

enum class OnFailure : uint8_t { kCount, kIgnore, kFailIndex, kFailJob };
struct Verdict {
  OnFailure action = OnFailure::kCount;
  std::string message;  // of kFailJob
};
// The first rule that fits decides; none, or no policy: it counts.
Verdict Judge(const Spec& spec, const Pod& failed);

// Why the succeeded indexes are enough by `successPolicy`; nothing: they are not.
std::optional<std::string> EnoughSucceeded(const Spec& spec, const Indexes& succeeded);

}  // namespace keelson::job
