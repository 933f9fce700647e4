// SPDX-License-Identifier: Apache-2.0
#include "kubelet/node_api/verbosity.h"

#include "lib/base/strings.h"

namespace keelson::node_api {

base::Result<base::LogLevel> LevelOf(const std::string& verbosity) {
  const auto number = base::ParseUint64(verbosity);
  if (!number || *number > UINT32_MAX) {
    return base::InvalidArgument("strconv.ParseUint: parsing {}: invalid syntax",
                                 base::QuoteIfNeeded(verbosity));
  }
  return *number >= 4 ? base::LogLevel::kDebug : base::LogLevel::kInfo;
}

}  // namespace keelson::node_api
