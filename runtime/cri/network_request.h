// SPDX-License-Identifier: Apache-2.0
// What a pod's configuration asks of the pod network: names, host ports, bandwidth, name servers.
// Pure; refuses what can never be with the field's name.
#pragma once

#include "cri-api/sandbox.pb.h"
#include "lib/base/result.h"
#include "runtime/network/network.h"

namespace keelson::cri_server {

// Without sandbox id, namespace and cgroup, which are the caller's to fill in.
base::Result<network::PodRequest> NetworkRequest(const ::runtime::v1::PodSandboxConfig& config);

}  // namespace keelson::cri_server
