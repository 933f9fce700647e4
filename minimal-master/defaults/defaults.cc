// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/defaults/defaults.h"

#include "minimal-master/defaults/parts.h"

namespace keelson::defaults {

void Apply(std::string_view group, std::string_view version, std::string_view kind,
           json::Value& object) {
  if (!object.IsObject()) return;
  for (const Entry* kinds : {kCoreKinds, kWorkloadKinds, kOtherKinds}) {
    for (const Entry* entry = kinds; !entry->kind.empty(); ++entry) {
      if (entry->kind == kind && entry->group == group) return entry->apply(version, object);
    }
  }
}

}  // namespace keelson::defaults
