// SPDX-License-Identifier: Apache-2.0
#include "kubelet/lifecycle/health_record.h"

#include "lib/json/value.h"

namespace keelson::lifecycle {

using json::Value;

std::string WriteHealth(const HealthById& health) {
  Value containers = Value::Object();
  for (const auto& [id, fact] : health) {
    Value one = Value::Object();
    one.Set("started", Value(fact.started));
    one.Set("ready", Value(fact.ready));
    containers.Set(id, std::move(one));
  }
  Value document = Value::Object();
  document.Set("version", Value(int64_t{1}));
  document.Set("containers", std::move(containers));
  return json::WriteJson(document);
}

HealthById ReadHealth(std::string_view text) {
  HealthById health;
  const base::Result<Value> document = json::ParseJson(text);
  if (!document.ok() || document->At({"version"}).AsInt() != 1) return health;
  for (const auto& [id, one] : document->At({"containers"}).members()) {
    health[id] = {.started = one.At({"started"}).AsBool(), .ready = one.At({"ready"}).AsBool()};
  }
  return health;
}

}  // namespace keelson::lifecycle
