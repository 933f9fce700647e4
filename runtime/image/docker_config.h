// SPDX-License-Identifier: Apache-2.0
// The node's registry credentials, from a file of Docker's form: {"auths": {"registry.example":
// {"auth": "<base64 user:password>"}}}. Helpers named in it are not run: no program ever is.
// Blocking (one small file).
#pragma once

#include <optional>
#include <string>

#include "lib/base/result.h"
#include "runtime/fetch/credentials.h"

namespace keelson::image {

// `authority`: host[:port] that will be talked to, or a registry's name. Nothing when the file does
// not know it.
base::Result<std::optional<fetch::Credentials>> FindCredentials(
    const std::string& docker_config_text, const std::string& authority);

}  // namespace keelson::image
