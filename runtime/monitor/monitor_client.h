// SPDX-License-Identifier: Apache-2.0
// The daemon's side of one pod's monitor, over a connection that is there. Private to this folder.
#pragma once

#include <memory>
#include <string>

#include "runtime/monitor/anchor_connection.h"
#include "runtime/monitor/client_connection.h"

namespace keelson::monitor {

std::unique_ptr<MonitorClient> MakeMonitorClient(std::string sandbox_id,
                                                 std::shared_ptr<ReaderThread> reader,
                                                 std::shared_ptr<AnchorConnection> anchor,
                                                 std::shared_ptr<Connection> connection);

}  // namespace keelson::monitor
