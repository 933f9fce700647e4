// SPDX-License-Identifier: Apache-2.0
// MAC addresses as plain values. Pure, any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

namespace keelson::netlink {

using Mac = std::array<uint8_t, 6>;
std::optional<Mac> ParseMac(const std::string& text);  // "0a:1b:2c:3d:4e:5f"
std::string MacText(const Mac& mac);

}  // namespace keelson::netlink
