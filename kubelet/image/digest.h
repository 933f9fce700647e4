// SPDX-License-Identifier: Apache-2.0
// SHA-256 as 64 lower-case hexadecimal digits, by which records and credentials are known. Pure.
#pragma once

#include <string>
#include <string_view>

namespace keelson::image_gc {

std::string Sha256(std::string_view text);

}  // namespace keelson::image_gc
