// SPDX-License-Identifier: Apache-2.0
// What a registry is shown to prove who asks. Plain data.
#pragma once

#include <string>

namespace keelson::fetch {

struct Credentials {
  std::string username;
  std::string password;
  std::string identity_token;
  std::string registry_token;
};

}  // namespace keelson::fetch
