// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "cri-api/metrics.pb.h"
#include "cri-api/stats.pb.h"
#include "runtime/cri/convert.h"
#include "runtime/cri/runtime_server.h"
#include "runtime/stats/metrics.h"

namespace keelson::cri_server {

namespace {

template <typename SamplePtr>
SamplePtr FindSample(const std::vector<SamplePtr>& samples, const std::string& id) {
  const auto at = std::lower_bound(
      samples.begin(), samples.end(), id,
      [](const SamplePtr& sample, const std::string& to) { return sample->target->id < to; });
  return at == samples.end() || (*at)->target->id != id ? nullptr : *at;
}

}  // namespace

Reactor* RuntimeServer::WithSamples(Context* context, stats::Scope scope, AnswerSamples answer) {
  Reactor* const reactor = context->DefaultReactor();
  sampler_.Ask(
      scope, [this, scope, reactor, answer = std::move(answer)](stats::SnapshotPtr snapshot) {
        if (!snapshot)
          return reactor->Finish(grpc::Status(grpc::UNAVAILABLE, "the runtime is stopping"));
        // What is made of everything takes a while: not on the sampler's thread, nor the server's.
        if (!scope.everything) return reactor->Finish(answer(*snapshot));
        executor_.Post([reactor, answer, snapshot] { reactor->Finish(answer(*snapshot)); });
      });
  return reactor;
}

Reactor* RuntimeServer::ContainerStats(Context* context, const cri::ContainerStatsRequest* request,
                                       cri::ContainerStatsResponse* response) {
  const base::Result<ContainerItemPtr> item = runtime_.GetContainerItem(request->container_id());
  if (!item.ok()) return Answer(context, rpc::ToGrpc(item.error()));
  // One that does not run uses nothing, and says who it is.
  response->mutable_stats()->ParseFromString((*item)->attributes);
  if (!(*item)->target) return Answer(context, grpc::Status::OK);
  return WithSamples(context, {}, [response, id = (*item)->id](const stats::Snapshot& snapshot) {
    const stats::ContainerSamplePtr sample = FindSample(snapshot.containers, id);
    if (sample) response->mutable_stats()->ParseFromString(sample->message);
    return grpc::Status::OK;
  });
}

Reactor* RuntimeServer::ListContainerStats(Context* context, const grpc::ByteBuffer* request,
                                           RawAnswer* response) {
  base::Result<cri::ListContainerStatsRequest> asked =
      ParseRequest<cri::ListContainerStatsRequest>(*request);
  if (!asked.ok()) return Answer(context, rpc::ToGrpc(asked.error()));
  return WithSamples(context, {},
                     [response, filter = asked->filter()](const stats::Snapshot& snapshot) {
                       ItemList list;
                       for (const stats::ContainerSamplePtr& sample : snapshot.containers) {
                         if (sample->usage && Matches(filter, *sample->target))
                           list.Add(sample->message);
                       }
                       *response = list.Take();
                       return grpc::Status::OK;
                     });
}

Reactor* RuntimeServer::PodSandboxStats(Context* context,
                                        const cri::PodSandboxStatsRequest* request,
                                        cri::PodSandboxStatsResponse* response) {
  const base::Result<SandboxItemPtr> item = runtime_.GetSandboxItem(request->pod_sandbox_id());
  if (!item.ok()) return Answer(context, rpc::ToGrpc(item.error()));
  response->mutable_stats()->ParseFromString((*item)->attributes);
  if (!(*item)->target) return Answer(context, grpc::Status::OK);
  return WithSamples(context, {.pods = true},
                     [response, id = (*item)->id](const stats::Snapshot& snapshot) {
                       const stats::PodSamplePtr sample = FindSample(snapshot.pods, id);
                       if (sample) response->mutable_stats()->ParseFromString(sample->message);
                       return grpc::Status::OK;
                     });
}

Reactor* RuntimeServer::ListPodSandboxStats(Context* context, const grpc::ByteBuffer* request,
                                            RawAnswer* response) {
  base::Result<cri::ListPodSandboxStatsRequest> asked =
      ParseRequest<cri::ListPodSandboxStatsRequest>(*request);
  if (!asked.ok()) return Answer(context, rpc::ToGrpc(asked.error()));
  return WithSamples(context, {.pods = true},
                     [response, filter = asked->filter()](const stats::Snapshot& snapshot) {
                       ItemList list;
                       for (const stats::PodSamplePtr& sample : snapshot.pods) {
                         if (Matches(filter, *sample->target)) list.Add(sample->message);
                       }
                       *response = list.Take();
                       return grpc::Status::OK;
                     });
}

Reactor* RuntimeServer::ListMetricDescriptors(Context* context,
                                              const cri::ListMetricDescriptorsRequest*,
                                              cri::ListMetricDescriptorsResponse* response) {
  response->ParseFromString(stats::DescriptorsMessage());
  return Answer(context, grpc::Status::OK);
}

Reactor* RuntimeServer::ListPodSandboxMetrics(Context* context, const grpc::ByteBuffer*,
                                              RawAnswer* response) {
  return WithSamples(context, {.pods = true, .everything = true},
                     [this, response](const stats::Snapshot& snapshot) {
                       const stats::Machine machine =
                           stats::DescribeMachine(runtime_.state_dir(), snapshot);
                       ItemList list;
                       for (const stats::PodSamplePtr& sample : snapshot.pods)
                         list.Add(stats::MetricsMessage(*sample, machine));
                       *response = list.Take();
                       return grpc::Status::OK;
                     });
}

}  // namespace keelson::cri_server
