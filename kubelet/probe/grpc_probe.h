// SPDX-License-Identifier: Apache-2.0
// The gRPC health protocol, version 1: one Check in plain text over a connection of its own. Blocks
// up to the timeout; any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "kubelet/probe/prober.h"

namespace keelson::probe {

// HealthCheckRequest{service = 1} and HealthCheckResponse{status = 1} as they travel.
std::string EncodeHealthRequest(std::string_view service);
std::optional<uint64_t> DecodeHealthResponse(std::string_view bytes);  // nothing: malformed
std::string HealthStatusName(uint64_t status);

Answer ProbeGrpc(const std::string& host, uint16_t port, const std::string& service,
                 std::chrono::milliseconds timeout);

}  // namespace keelson::probe
