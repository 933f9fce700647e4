// SPDX-License-Identifier: Apache-2.0
// One client's connection: reads requests, calls the handler, writes answers, until either side
// ends it. Blocks on one thread.
#pragma once

#include "lib/http/server/server.h"
#include "lib/os/unique_fd.h"

namespace keelson::http {

// `stop_fd` becomes readable when the server stops. `crowded`: the connection is not kept after an
// answer.
void ServeConnection(os::UniqueFd socket, int stop_fd, const ServerOptions& options,
                     const Handler& handler, const std::function<bool()>& crowded);
// Says 503 and closes, without waiting for anything.
void Refuse(os::UniqueFd socket);

}  // namespace keelson::http
