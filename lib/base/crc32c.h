// SPDX-License-Identifier: Apache-2.0
// CRC-32C (Castagnoli, RFC 3720 appendix B.4) for our records. Pure, any thread.
#pragma once

#include <cstdint>
#include <string_view>

namespace keelson::base {

uint32_t Crc32c(std::string_view bytes, uint32_t seed = 0);

}  // namespace keelson::base
