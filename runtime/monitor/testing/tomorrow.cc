// SPDX-License-Identifier: Apache-2.0
// A later version as it may come, for tests: linked before the protocol's own dialect. Each of its
// payloads has more at its end, and it says words that today's programs have never heard.
#include "runtime/monitor/protocol.h"

namespace keelson::monitor {

const Dialect& OwnDialect() {
  static const Dialect kDialect{.minor = 7, .further = "and more", .says_more = true};
  return kDialect;
}

}  // namespace keelson::monitor
