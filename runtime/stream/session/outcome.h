// SPDX-License-Identifier: Apache-2.0
// What the client reads on a session's error stream. Pure. Sources: Kubernetes' remotecommand
// protocols: up to v3 plain text and nothing for success, from v4 a Status in JSON.
#pragma once

#include <cstdint>
#include <string>

namespace keelson::stream {

struct Outcome {
  int32_t exit_code = 0;
  std::string error;  // instead of a code: the runtime could not do what was asked
};
std::string FormatOutcome(const Outcome& outcome, int version);

}  // namespace keelson::stream
