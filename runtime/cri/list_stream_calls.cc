// SPDX-License-Identifier: Apache-2.0
#include "runtime/cri/runtime_server.h"

namespace keelson::cri_server {

grpc::ServerWriteReactor<cri::StreamPodSandboxesResponse>* RuntimeServer::StreamPodSandboxes(
    Context*, const cri::StreamPodSandboxesRequest*) {
  return UnimplementedStream<cri::StreamPodSandboxesResponse>("StreamPodSandboxes");
}

grpc::ServerWriteReactor<cri::StreamContainersResponse>* RuntimeServer::StreamContainers(
    Context*, const cri::StreamContainersRequest*) {
  return UnimplementedStream<cri::StreamContainersResponse>("StreamContainers");
}

grpc::ServerWriteReactor<cri::StreamContainerStatsResponse>* RuntimeServer::StreamContainerStats(
    Context*, const cri::StreamContainerStatsRequest*) {
  return UnimplementedStream<cri::StreamContainerStatsResponse>("StreamContainerStats");
}

grpc::ServerWriteReactor<cri::StreamPodSandboxStatsResponse>* RuntimeServer::StreamPodSandboxStats(
    Context*, const cri::StreamPodSandboxStatsRequest*) {
  return UnimplementedStream<cri::StreamPodSandboxStatsResponse>("StreamPodSandboxStats");
}

grpc::ServerWriteReactor<cri::StreamPodSandboxMetricsResponse>*
RuntimeServer::StreamPodSandboxMetrics(Context*, const cri::StreamPodSandboxMetricsRequest*) {
  return UnimplementedStream<cri::StreamPodSandboxMetricsResponse>("StreamPodSandboxMetrics");
}

}  // namespace keelson::cri_server
