// SPDX-License-Identifier: Apache-2.0
// The names of contents: "sha256:" and 64 lower-case hexadecimal digits. Apart from what computes
// them, for programs that only read them. Pure.
#pragma once

#include <string_view>

namespace keelson::content {

bool IsDigest(std::string_view text);  // sha256 only: other algorithms are not accepted anywhere
std::string_view HexOf(std::string_view digest);  // of a valid digest: its 64 digits

}  // namespace keelson::content
