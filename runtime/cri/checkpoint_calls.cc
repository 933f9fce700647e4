// SPDX-License-Identifier: Apache-2.0
#include "runtime/cri/runtime_server.h"

// Not offered: a checkpoint's archive would have to be trusted where only the pod's own request
// may be.
namespace keelson::cri_server {

Reactor* RuntimeServer::CheckpointContainer(Context* context,
                                            const cri::CheckpointContainerRequest*,
                                            cri::CheckpointContainerResponse*) {
  return Unimplemented(context, "CheckpointContainer");
}

Reactor* RuntimeServer::CheckpointPod(Context* context, const cri::CheckpointPodRequest*,
                                      cri::CheckpointPodResponse*) {
  return Unimplemented(context, "CheckpointPod");
}

Reactor* RuntimeServer::RestorePod(Context* context, const cri::RestorePodRequest*,
                                   cri::RestorePodResponse*) {
  return Unimplemented(context, "RestorePod");
}

}  // namespace keelson::cri_server
