// SPDX-License-Identifier: Apache-2.0
// Points in time as objects have them: seconds ("2026-01-02T03:04:05Z"), and microseconds in leases
// and new events. Pure, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace keelson::control {

std::string TimeText(int64_t wall_nanos);
std::string MicroTimeText(int64_t wall_nanos);
// Nanoseconds; nothing: it is none, or empty.
std::optional<int64_t> ReadTime(std::string_view text);

}  // namespace keelson::control
