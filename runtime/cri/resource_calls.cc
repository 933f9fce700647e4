// SPDX-License-Identifier: Apache-2.0
#include "runtime/cri/runtime_server.h"

namespace keelson::cri_server {

Reactor* RuntimeServer::UpdateContainerResources(Context* context,
                                                 const cri::UpdateContainerResourcesRequest*,
                                                 cri::UpdateContainerResourcesResponse*) {
  return Unimplemented(context, "UpdateContainerResources");
}

Reactor* RuntimeServer::UpdatePodSandboxResources(Context* context,
                                                  const cri::UpdatePodSandboxResourcesRequest*,
                                                  cri::UpdatePodSandboxResourcesResponse*) {
  return Unimplemented(context, "UpdatePodSandboxResources");
}

}  // namespace keelson::cri_server
