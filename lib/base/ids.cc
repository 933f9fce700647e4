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

std::string NewUuid() {
  std::string text = RandomHex(16);
  text[12] = '4';
  constexpr std::string_view kVariant = "89ab";
  text[16] =
      kVariant[static_cast<size_t>(text[16] <= '9' ? text[16] - '0' : text[16] - 'a' + 10) % 4];
  for (const size_t at : {20, 16, 12, 8}) text.insert(at, 1, '-');
  return text;
}

}  // namespace keelson::base
