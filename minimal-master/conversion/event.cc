// SPDX-License-Identifier: Apache-2.0
// Events: the same fields by other names.
#include <string_view>
#include <utility>

#include "minimal-master/conversion/forms.h"

namespace keelson::conversion {
namespace {

constexpr std::pair<std::string_view, std::string_view> kNames[] = {
    {"involvedObject", "regarding"},
    {"message", "note"},
    {"reportingComponent", "reportingController"},
    {"source", "deprecatedSource"},
    {"firstTimestamp", "deprecatedFirstTimestamp"},
    {"lastTimestamp", "deprecatedLastTimestamp"},
    {"count", "deprecatedCount"},
};

Value Renamed(Value event, bool to_core) {
  Value out = Value::Object();
  for (auto& [key, value] : event.members()) {
    std::string_view name = key;
    for (const auto& [core, other] : kNames) {
      if (key == (to_core ? other : core)) name = to_core ? core : other;
    }
    out.Set(name, std::move(value));
  }
  out.Set("apiVersion", Value(to_core ? "v1" : "events.k8s.io/v1"));
  return out;
}

}  // namespace

Value EventFromCore(Value event) { return Renamed(std::move(event), false); }
Value EventToCore(Value event) { return Renamed(std::move(event), true); }

}  // namespace keelson::conversion
