// SPDX-License-Identifier: Apache-2.0
// Where a command writes: answers to `out`, remarks and errors to `err`. One thread.
#pragma once

#include <ostream>

namespace keelson::cli {

struct Console {
  std::ostream& out;
  std::ostream& err;
};

}  // namespace keelson::cli
