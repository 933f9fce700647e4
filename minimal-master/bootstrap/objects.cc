// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/bootstrap/objects.h"

#include <string_view>

extern "C" {
extern const char keelson_bootstrap_objects_begin[];
extern const char keelson_bootstrap_objects_end[];
}

namespace keelson::bootstrap {

std::vector<json::Value> Objects() {
  const std::string_view text(
      keelson_bootstrap_objects_begin,
      static_cast<size_t>(keelson_bootstrap_objects_end - keelson_bootstrap_objects_begin));
  const base::Result<json::Value> list = json::ParseJson(text);
  KEELSON_CHECK(list.ok());  // part of the program: a test reads it
  return list->items();
}

}  // namespace keelson::bootstrap
