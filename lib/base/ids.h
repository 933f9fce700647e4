// SPDX-License-Identifier: Apache-2.0
// Random identifiers from getrandom(2). Any thread.
#pragma once

#include <string>

namespace keelson::base {

std::string RandomHex(size_t bytes);  // 2 × bytes lower-case hex digits
inline std::string NewObjectId() {
  return RandomHex(32);
}  // pods and containers: 64 digits, as CRI clients expect
// 16 random bytes as RFC 9562's version 4: 8-4-4-4-12 lower-case hex digits.
std::string NewUuid();

}  // namespace keelson::base
