// SPDX-License-Identifier: Apache-2.0
// The sink behind base's log facade: spdlog on standard error, one line an event with its time in
// UTC. Called by a main() once, before threads start; nothing else includes this folder.
#pragma once

#include <string>

#include "lib/base/result.h"

namespace keelson::log {

// `level`: debug, info, warn or error.
base::Status LogToStandardError(const std::string& level);

}  // namespace keelson::log
