// SPDX-License-Identifier: Apache-2.0
#include "lib/base/ids.h"

#include <sys/random.h>

#include "lib/base/result.h"
#include "lib/base/strings.h"

namespace keelson::base {

std::string RandomHex(size_t bytes) {
  std::string raw(bytes, '\0');
  size_t have = 0;
  while (have < bytes) {
    const ssize_t n = getrandom(raw.data() + have, bytes - have, 0);
    KEELSON_CHECK(n > 0 || errno == EINTR);
    if (n > 0) have += static_cast<size_t>(n);
  }
  return HexEncode(raw);
}

}  // namespace keelson::base
