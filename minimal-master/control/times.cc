// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/control/times.h"

#include "lib/base/rfc3339.h"

namespace keelson::control {

std::string TimeText(int64_t wall_nanos) { return base::FormatRfc3339(wall_nanos); }

std::string MicroTimeText(int64_t wall_nanos) { return base::FormatRfc3339(wall_nanos, 6); }

std::optional<int64_t> ReadTime(std::string_view text) { return base::ParseRfc3339(text); }

}  // namespace keelson::control
