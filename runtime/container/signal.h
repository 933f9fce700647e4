// SPDX-License-Identifier: Apache-2.0
// Names of signals as images and the CRI write them. Pure, any thread. Source: signal(7).
#pragma once

#include <optional>
#include <string_view>

namespace keelson::container {

// "SIGTERM", "TERM", "15", "SIGRTMIN+3" → number.
std::optional<int> ParseSignal(std::string_view text);

}  // namespace keelson::container
