// SPDX-License-Identifier: Apache-2.0
// The process from its options to its exit code: signals, the log, and one of the tasks. Called
// once, on the main thread, before any other thread is made.
#pragma once

#include "minimal-master/program/options.h"

namespace keelson::program {

int Run(const Options& options);

}  // namespace keelson::program
