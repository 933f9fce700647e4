// SPDX-License-Identifier: Apache-2.0
#include "kubelet/lifecycle/health_record.h"

#include <fmt/format.h>

#include "lib/base/crc32c.h"
#include "lib/json/value.h"

namespace keelson::lifecycle {

using json::Value;

namespace {

std::string SumOf(const Value& containers) {
  return fmt::format("{:08x}", base::Crc32c(json::WriteJson(containers)));
}

}  // namespace

std::string WriteHealth(const HealthById& health) {
  Value containers = Value::Object();
  for (const auto& [id, fact] : health) {
    Value one = Value::Object();
    one.Set("started", Value(fact.started));
    one.Set("ready", Value(fact.ready));
    containers.Set(id, std::move(one));
  }
  const std::string sum = SumOf(containers);
  Value document = Value::Object();
  document.Set("version", Value(int64_t{1}));
  document.Set("containers", std::move(containers));
  document.Set("sum", Value(sum));
  return json::WriteJson(document);
}

base::Result<HealthById> ReadHealth(std::string_view text) {
  HealthById health;
  if (text.empty()) return health;
  ASSIGN_OR_RETURN(const Value document, json::ParseJson(text));
  const Value& containers = document.At({"containers"});
  if (document.At({"version"}).AsInt() != 1 || !containers.IsObject())
    return base::DataLoss("it is no record of what probes said");
  // Older kubelets wrote none.
  if (const Value* sum = document.Find("sum");
      sum != nullptr && sum->AsString() != SumOf(containers))
    return base::DataLoss("its checksum does not fit");
  for (const auto& [id, one] : containers.members()) {
    health[id] = {.started = one.At({"started"}).AsBool(), .ready = one.At({"ready"}).AsBool()};
  }
  return health;
}

}  // namespace keelson::lifecycle
