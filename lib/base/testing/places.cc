// SPDX-License-Identifier: Apache-2.0
#include "lib/base/testing/places.h"

namespace keelson::base {

std::string BinDir() { return KEELSON_BIN_DIR; }

std::string SourceDir() { return KEELSON_SOURCE_DIR; }

}  // namespace keelson::base
