// SPDX-License-Identifier: Apache-2.0
// The page's own files (files/), which are in the program. Pure, any thread.
#pragma once

#include <string_view>

namespace keelson::page {

struct File {
  std::string_view name, type, bytes;
};
// "" is the page itself; null: there is none.
const File* FindFile(std::string_view name);

}  // namespace keelson::page
