// SPDX-License-Identifier: Apache-2.0
// For tests: units in memory. Records what was asked; `next_errors` answers that many calls first.
#pragma once

#include <deque>
#include <map>
#include <mutex>

#include "lib/systemd/units.h"

namespace keelson::systemd {

class FakeUnits final : public Units {
 public:
  struct Unit {
    std::string state = "active";
    Properties properties;
  };
  base::Status StartTransient(const std::string& unit, const Properties& properties) override {
    RETURN_IF_ERROR(Told("start " + unit));
    if (units.contains(unit)) return base::Error(base::Code::kAlreadyExists, "exists");
    units[unit] = {"active", properties};
    return {};
  }
  base::Status Stop(const std::string& unit) override {
    RETURN_IF_ERROR(Told("stop " + unit));
    units.erase(unit);
    return {};
  }
  base::Status ResetFailed(const std::string& unit) override {
    RETURN_IF_ERROR(Told("reset " + unit));
    if (const auto found = units.find(unit);
        found != units.end() && found->second.state == "failed")
      units.erase(found);
    return {};
  }
  base::Status SetProperties(const std::string& unit, const Properties& properties) override {
    RETURN_IF_ERROR(Told("set " + unit));
    if (!units.contains(unit)) return base::NotFound("no unit '{}'", unit);
    for (const Property& property : properties) {
      std::erase_if(units[unit].properties,
                    [&](const Property& other) { return other.name == property.name; });
      units[unit].properties.push_back(property);
    }
    return {};
  }
  base::Result<std::string> State(const std::string& unit) override {
    RETURN_IF_ERROR(Told("state " + unit));
    const auto found = units.find(unit);
    return found == units.end() ? std::string("inactive") : found->second.state;
  }

  std::map<std::string, Unit> units;
  std::vector<std::string> calls;
  std::deque<base::Error> next_errors;

 private:
  base::Status Told(const std::string& call) {
    calls.push_back(call);
    if (next_errors.empty()) return {};
    const base::Error error = next_errors.front();
    next_errors.pop_front();
    return error;
  }
};

}  // namespace keelson::systemd
