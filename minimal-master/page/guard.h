// SPDX-License-Identifier: Apache-2.0
// Which requests the page answers: reading ones, that no other site made, and on the listener
// without a log-in only such as name this machine itself (a name of somebody's that resolves to
// 127.0.0.1 is a trick). Pure, any thread. Source: Fetch Metadata, Content Security Policy 3.
#pragma once

#include <optional>
#include <string>

#include "lib/http/service/message.h"

namespace keelson::page {

struct Refused {
  int code = 403;
  std::string why;
};

enum class Door {
  kLocal,  // plain HTTP on loopback, no log-in
  kApi,    // the API's port: who asks was let through by name
};
// Nothing: it may be answered.
std::optional<Refused> Check(const service::Request& request, Door door);

// What every answer carries.
service::Fields SafetyHeaders();

}  // namespace keelson::page
