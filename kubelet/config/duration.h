// SPDX-License-Identifier: Apache-2.0
// Go's text of a length of time: "1m30s", "2.5ms". Pure.
#pragma once

#include <chrono>
#include <string>

#include "lib/base/result.h"

namespace keelson::config {

// To the nearest second; and as it is.
base::Result<std::chrono::seconds> ParseDuration(const std::string& text);
base::Result<std::chrono::nanoseconds> ParseExactDuration(const std::string& text);
std::string DurationText(std::chrono::seconds seconds);
std::string ShortDurationText(std::chrono::microseconds time);

}  // namespace keelson::config
