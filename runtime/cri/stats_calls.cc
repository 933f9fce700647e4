// SPDX-License-Identifier: Apache-2.0
#include "runtime/cri/runtime_server.h"

namespace keelson::cri_server {

Reactor* RuntimeServer::ContainerStats(Context* context, const cri::ContainerStatsRequest*,
                                       cri::ContainerStatsResponse*) {
  return Unimplemented(context, "ContainerStats");
}

Reactor* RuntimeServer::ListContainerStats(Context* context, const cri::ListContainerStatsRequest*,
                                           cri::ListContainerStatsResponse*) {
  return Unimplemented(context, "ListContainerStats");
}

Reactor* RuntimeServer::PodSandboxStats(Context* context, const cri::PodSandboxStatsRequest*,
                                        cri::PodSandboxStatsResponse*) {
  return Unimplemented(context, "PodSandboxStats");
}

Reactor* RuntimeServer::ListPodSandboxStats(Context* context,
                                            const cri::ListPodSandboxStatsRequest*,
                                            cri::ListPodSandboxStatsResponse*) {
  return Unimplemented(context, "ListPodSandboxStats");
}

Reactor* RuntimeServer::ListMetricDescriptors(Context* context,
                                              const cri::ListMetricDescriptorsRequest*,
                                              cri::ListMetricDescriptorsResponse*) {
  return Unimplemented(context, "ListMetricDescriptors");
}

Reactor* RuntimeServer::ListPodSandboxMetrics(Context* context,
                                              const cri::ListPodSandboxMetricsRequest*,
                                              cri::ListPodSandboxMetricsResponse*) {
  return Unimplemented(context, "ListPodSandboxMetrics");
}

}  // namespace keelson::cri_server
