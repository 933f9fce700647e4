// SPDX-License-Identifier: Apache-2.0
#include "runtime/cri/runtime_server.h"

namespace keelson::cri_server {

Reactor* RuntimeServer::UpdateContainerResources(
    Context* context, const cri::UpdateContainerResourcesRequest* request,
    cri::UpdateContainerResourcesResponse*) {
  return Run(executor_, runtime_.operations(), context, "UpdateContainerResources",
             request->container_id(), [this, request] {
               return runtime_.UpdateContainerResources(request->container_id(), request->linux());
             });
}

Reactor* RuntimeServer::UpdatePodSandboxResources(
    Context* context, const cri::UpdatePodSandboxResourcesRequest* request,
    cri::UpdatePodSandboxResourcesResponse*) {
  return Run(executor_, runtime_.operations(), context, "UpdatePodSandboxResources",
             request->pod_sandbox_id(), [this, request] {
               return runtime_.UpdatePodSandboxResources(
                   request->pod_sandbox_id(),
                   request->has_overhead() ? &request->overhead() : nullptr,
                   request->has_resources() ? &request->resources() : nullptr);
             });
}

}  // namespace keelson::cri_server
