// SPDX-License-Identifier: Apache-2.0
// keelson-stream gives up what it does not need: user and groups of its own, no capabilities, no
// new ones, a short list of system calls in which no file is opened, nothing is connected to and no
// program is started. Called once, while there is one thread.
#pragma once

#include "lib/base/result.h"

namespace keelson::stream {

constexpr unsigned kStreamUser = 60601;  // of a range that nobody hands out; owns nothing

base::Status GiveUpRights();

}  // namespace keelson::stream
