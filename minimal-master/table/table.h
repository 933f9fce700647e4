// SPDX-License-Identifier: Apache-2.0
// What `kubectl get` shows of an object: the cells of a row, in the order of its kind's columns
// (facts of the schema), as upstream's server prints them. Pure, any thread. Objects are as they
// are stored: defaulted and of the version that is asked for.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/json/value.h"

namespace keelson::table {

struct Row {
  std::vector<json::Value> cells;
  std::vector<json::Value> conditions;  // a pod that has completed is greyed out by some clients
};

// `group` is empty for core. Kinds that have no columns of their own: name and time of creation.
Row RowOf(std::string_view group, std::string_view kind, const json::Value& object,
          int64_t now_nanos);

}  // namespace keelson::table
