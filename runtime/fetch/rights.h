// SPDX-License-Identifier: Apache-2.0
// keelson-fetch gives up what it does not need: user and groups of its own, no capabilities, no new
// ones, small limits, a list of system calls that has no execve, no write access to any file and no
// other process. Called once, while there is one thread.
#pragma once

#include "lib/base/result.h"

namespace keelson::fetch {

constexpr unsigned kFetchUser = 60600;  // of a range that nobody hands out; owns nothing

base::Status GiveUpRights();

}  // namespace keelson::fetch
