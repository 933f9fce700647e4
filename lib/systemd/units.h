// SPDX-License-Identifier: Apache-2.0
// What is asked of systemd's manager, as an interface: tests answer it themselves. Every call
// blocks for at most its implementation's deadline and may be repeated. Any thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "lib/base/result.h"

namespace keelson::systemd {

constexpr uint64_t kInfinity = UINT64_MAX;

// The D-Bus types b, t, s and au.
using PropertyValue = std::variant<bool, uint64_t, std::string, std::vector<uint32_t>>;
struct Property {
  std::string name;
  PropertyValue value;
  bool operator==(const Property&) const = default;
};
using Properties = std::vector<Property>;

class Units {
 public:
  virtual ~Units() = default;
  // Of a unit that is not there yet; returns when its job is done. AlreadyExists: there is one.
  virtual base::Status StartTransient(const std::string& unit, const Properties& properties) = 0;
  // Returns when the job is done; a unit that is not there is success.
  virtual base::Status Stop(const std::string& unit) = 0;
  virtual base::Status ResetFailed(const std::string& unit) = 0;
  // Until the next boot. NotFound: no such unit.
  virtual base::Status SetProperties(const std::string& unit, const Properties& properties) = 0;
  // "active", "failed", "inactive" (also of a unit that is not there), …
  virtual base::Result<std::string> State(const std::string& unit) = 0;
};

// A scope that holds `process` and whose groups below are ours alone.
Properties ScopeProperties(const std::string& slice, const std::string& description, pid_t process);

// As StartTransient, after taking away what an earlier attempt has left under that name.
base::Status StartAnew(Units& units, const std::string& unit, const Properties& properties);

// A slice with these limits, there already or not.
base::Status EnsureSlice(Units& units, const std::string& slice, const Properties& limits);

}  // namespace keelson::systemd
