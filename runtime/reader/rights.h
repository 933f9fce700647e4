// SPDX-License-Identifier: Apache-2.0
// What is left to keelson-read before it reads the first byte: descriptor 0 to read, descriptor 1
// to write, memory, and its end. Called once, with one thread. Sources: seccomp(2), setrlimit(2).
#pragma once

#include "lib/base/result.h"

namespace keelson::reader {

constexpr uint32_t kReadUser = 60602;

base::Status GiveUpRights();

}  // namespace keelson::reader
