// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/conversion/conversion.h"

#include "minimal-master/conversion/forms.h"

namespace keelson::conversion {
namespace {

bool IsNewEvent(std::string_view group, std::string_view kind) {
  return group == "events.k8s.io" && kind == "Event";
}
bool IsOldAutoscaler(std::string_view group, std::string_view version, std::string_view kind) {
  return group == "autoscaling" && version == "v1" && kind == "HorizontalPodAutoscaler";
}

}  // namespace

json::Value FromStored(std::string_view group, std::string_view version, std::string_view kind,
                       json::Value stored) {
  if (IsNewEvent(group, kind)) return EventFromCore(std::move(stored));
  if (IsOldAutoscaler(group, version, kind)) return AutoscalerFromV2(std::move(stored));
  return stored;
}

json::Value ToStored(std::string_view group, std::string_view version, std::string_view kind,
                     json::Value object) {
  if (IsNewEvent(group, kind)) return EventToCore(std::move(object));
  if (IsOldAutoscaler(group, version, kind)) return AutoscalerToV2(std::move(object));
  return object;
}

}  // namespace keelson::conversion
