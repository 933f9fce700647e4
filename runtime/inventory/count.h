// SPDX-License-Identifier: Apache-2.0
// What a file or a tree takes of its file system. Blocks; of trees that containers write nothing is
// followed or opened but directories.
#pragma once

#include <cstdint>
#include <string>

namespace keelson::inventory {

uint64_t TakenBy(const std::string& path);  // bytes; 0 where it is not there

}  // namespace keelson::inventory
