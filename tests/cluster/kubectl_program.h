// SPDX-License-Identifier: Apache-2.0
// Upstream's kubectl for tests: the machine's, or one that is built once from Go modules. Blocks,
// for minutes where it must be built; asked before a test has a network of its own.
#pragma once

#include <string>

#include "lib/base/result.h"

namespace keelson::cluster_test {

inline constexpr int kNewestKubectl = 35;

// Of version 1.MINOR; empty: there is none, nor a Go to build it with.
base::Result<std::string> KubectlProgram(int minor = kNewestKubectl);

}  // namespace keelson::cluster_test
