// SPDX-License-Identifier: Apache-2.0
#include "lib/systemd/units.h"

#include "lib/base/log.h"

namespace keelson::systemd {

using base::Code;
using base::Status;

Properties ScopeProperties(const std::string& slice, const std::string& description,
                           pid_t process) {
  return {{"Description", description},
          {"Slice", slice},
          {"PIDs", std::vector<uint32_t>{static_cast<uint32_t>(process)}},
          {"Delegate", true},
          // No failed unit stays in anybody's way.
          {"CollectMode", std::string("inactive-or-failed")},
          // A node that shuts down ends its pods by their own grace, not by systemd's order.
          {"DefaultDependencies", false},
          // Somebody else's `systemctl stop`: a first process ignores SIGTERM, and 90 s is long.
          {"TimeoutStopUSec", uint64_t{10'000'000}},
          // The manager's default for scopes is a part of what the machine can have.
          {"TasksMax", kInfinity}};
}

Status StartAnew(Units& units, const std::string& unit, const Properties& properties) {
  Status started = units.StartTransient(unit, properties);
  if (started.ok() || started.error().code() != Code::kAlreadyExists) return started;
  base::LogInfo("a unit of an earlier attempt is there, it is taken away", {{"unit", unit}});
  (void)units.ResetFailed(unit);
  started = units.StartTransient(unit, properties);
  if (started.ok() || started.error().code() != Code::kAlreadyExists) return started;
  RETURN_IF_ERROR(units.Stop(unit));
  return units.StartTransient(unit, properties);
}

Status EnsureSlice(Units& units, const std::string& slice, const Properties& limits) {
  Properties properties = {{"DefaultDependencies", false},
                           {"CollectMode", std::string("inactive-or-failed")}};
  properties.insert(properties.end(), limits.begin(), limits.end());
  Status started = units.StartTransient(slice, properties);
  if (started.ok() || started.error().code() != Code::kAlreadyExists) return started;
  ASSIGN_OR_RETURN(const std::string state, units.State(slice));
  if (state == "active") return limits.empty() ? base::Ok() : units.SetProperties(slice, limits);
  return StartAnew(units, slice, properties);
}

}  // namespace keelson::systemd
