// SPDX-License-Identifier: Apache-2.0
// The printers, one function a kind, grouped by subject. For this folder alone.
#pragma once

#include "minimal-master/table/table.h"

namespace keelson::table {

using Print = Row (*)(const json::Value& object, int64_t now_nanos);

struct Printer {
  std::string_view group;
  std::string_view kind;
  Print print;
};

Row Pod(const json::Value& object, int64_t now_nanos);
// Each ends with an entry without a kind.
extern const Printer kWorkloadPrinters[];
extern const Printer kNetworkPrinters[];
extern const Printer kStoragePrinters[];
extern const Printer kClusterPrinters[];
extern const Printer kPolicyPrinters[];

// A row of texts and numbers.
template <typename... Cells>
Row RowWith(Cells&&... cells) {
  Row row;
  (row.cells.emplace_back(std::forward<Cells>(cells)), ...);
  return row;
}

}  // namespace keelson::table
