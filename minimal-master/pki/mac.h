// SPDX-License-Identifier: Apache-2.0
// Message authentication by a shared secret (RFC 2104). Pure, any thread.
#pragma once

#include <string>
#include <string_view>

namespace keelson::pki {

std::string HmacSha256(std::string_view secret, std::string_view message);

}  // namespace keelson::pki
