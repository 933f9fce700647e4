// SPDX-License-Identifier: Apache-2.0
// The bytes that both ends of a SPDY/3 connection give to zlib before the first header block.
// Constant data, made once. Source: draft-mbelshe-httpbis-spdy-00, 2.6.10.1.
#pragma once

#include <string>

namespace keelson::spdy {

const std::string& Dictionary();  // 1423 bytes, Adler-32 e3c6a7c2

}  // namespace keelson::spdy
