// SPDX-License-Identifier: Apache-2.0
// The `keelson` command from its arguments to its exit code: 0, 1 when it failed, 2 when it was not
// understood; exec: see exec.h.
#pragma once

#include <string>
#include <vector>

#include "cli/console.h"
#include "lib/base/clock.h"

namespace keelson::cli {

int Run(const std::vector<std::string>& arguments, const base::Clock& clock,
        const Console& console);

}  // namespace keelson::cli
