// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/table/table.h"

#include "minimal-master/table/kinds.h"
#include "minimal-master/table/text.h"

namespace keelson::table {

Row RowOf(std::string_view group, std::string_view kind, const json::Value& object,
          int64_t now_nanos) {
  if (group.empty() && kind == "Pod") return Pod(object, now_nanos);
  for (const Printer* printers :
       {kWorkloadPrinters, kNetworkPrinters, kClusterPrinters, kStoragePrinters, kPolicyPrinters}) {
    for (const Printer* printer = printers; !printer->kind.empty(); ++printer) {
      if (printer->kind == kind && printer->group == group)
        return printer->print(object, now_nanos);
    }
  }
  return RowWith(TextAt(object, {"metadata", "name"}),
                 TextAt(object, {"metadata", "creationTimestamp"}));
}

}  // namespace keelson::table
