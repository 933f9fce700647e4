// SPDX-License-Identifier: Apache-2.0
// The kubelet's paths: which answer a request gets from a view of the node. Paths and texts are
// upstream's, but for /explain, which is ours. Answers but logs come at once. Any thread. The view
// and the clock outlive the handlers.
#pragma once

#include "kubelet/server/node_view.h"
#include "lib/base/clock.h"
#include "lib/http/server/server.h"

namespace keelson::server {

// Everything: for the owner's socket.
http::Handler NodeRoutes(const NodeView& view, const base::Clock& clock);
// /healthz and below alone: for the port that every local user may ask.
http::Handler HealthRoutes(const NodeView& view);

}  // namespace keelson::server
