// SPDX-License-Identifier: Apache-2.0
// Connections that probes make: no TIME_WAIT left behind (SO_LINGER of one second), an end to every
// wait. A tcpSocket probe is such a connection made and closed. Blocks up to the timeout (looking a
// name up apart); any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "kubelet/probe/prober.h"
#include "lib/base/result.h"
#include "lib/os/unique_fd.h"

namespace keelson::probe {

// By number, by one of the container's port names, or a number written as text.
base::Result<uint16_t> ResolvePort(const kube::IntOrString& port, const kube::Container* container);
std::string JoinHostPort(const std::string& host, uint16_t port);  // "10.0.0.1:80", "[fd00::1]:80"

void SetLinger(int socket);
// `host`: an address or a name; the socket that is returned does not block.
base::Result<os::UniqueFd> Connect(const std::string& host, uint16_t port,
                                   std::chrono::milliseconds timeout);

Answer ProbeTcp(const std::string& host, uint16_t port, std::chrono::milliseconds timeout);

}  // namespace keelson::probe
