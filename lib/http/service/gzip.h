// SPDX-License-Identifier: Apache-2.0
// Bodies as one gzip member at level 1; large ones by several threads, each a part of its own
// without what the others have seen (some tenths of a per cent larger). Pure, any thread.
#pragma once

#include <string>
#include <vector>

#include "lib/http/service/message.h"

namespace keelson::service {

std::string Gzip(const std::vector<Buffer>& pieces);

}  // namespace keelson::service
