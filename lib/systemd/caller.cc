// SPDX-License-Identifier: Apache-2.0
#include <poll.h>

#include <algorithm>

#include "lib/systemd/connection.h"

namespace keelson::systemd {

using base::Code;
using base::Error;
using base::Result;

Answer Caller::Ask(const Call& call, bool& again) {
  const base::SteadyTime deadline = base::SystemClock().Steady() + deadline_;
  for (int wait = 10;; wait = std::min(wait * 2, 500)) {
    Result<std::string> result = connection_.Perform(call, deadline);
    if (result.ok()) return {{}, std::move(*result)};
    const Error& error = result.error();
    if (error.code() != Code::kUnavailable ||
        base::SystemClock().Steady() + std::chrono::milliseconds(wait) > deadline) {
      return {error.WithContext(fmt::format("systemd, {} '{}'", call.member, call.unit)), {}};
    }
    again = true;
    (void)poll(nullptr, 0, wait);
  }
}

Result<std::string> Caller::Property(const std::string& unit, const char* interface,
                                     const char* name, Reply type) {
  std::string place = kManagerPath;
  if (!unit.empty()) {
    char* path = nullptr;
    if (const int made =
            library_.sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit.c_str(), &path);
        made < 0)
      return Error::FromErrno(-made, "name the unit '{}'", unit);
    place = path;
    free(path);
  }
  const Call call{unit,
                  place,
                  "org.freedesktop.DBus.Properties",
                  "Get",
                  [&](sd_bus_message* message) {
                    return library_.sd_bus_message_append(
                        message, "ss",
                        (std::string("org.freedesktop.systemd1.") + interface).c_str(), name);
                  },
                  type};
  Answer answer = Ask(call);
  if (!answer.status.ok()) return answer.status.error();
  return std::move(answer.text);
}

}  // namespace keelson::systemd
