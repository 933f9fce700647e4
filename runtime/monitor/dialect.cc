// SPDX-License-Identifier: Apache-2.0
// Alone in its file: a test's programs have another one (testing/tomorrow.cc).
#include "runtime/monitor/protocol.h"

namespace keelson::monitor {

const Dialect& OwnDialect() {
  static const Dialect kDialect;
  return kDialect;
}

}  // namespace keelson::monitor
