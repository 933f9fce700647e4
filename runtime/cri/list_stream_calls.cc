// SPDX-License-Identifier: Apache-2.0
#include "cri-api/stats.pb.h"
#include "runtime/cri/convert.h"
#include "runtime/cri/image_server.h"
#include "runtime/cri/runtime_server.h"
#include "runtime/stats/metrics.h"

namespace keelson::cri_server {

namespace {

constexpr size_t kItemsOfABatch = 64;
constexpr size_t kPodMetricsOfABatch = 8;  // each is made when it is sent, and large

using Stream = grpc::ServerWriteReactor<RawAnswer>;

// Those that match, one after the other; `items` are shared pointers, `bytes` what of them is sent.
template <typename Items, typename Wanted, typename BytesOf>
ItemStream::Next NextOf(Items items, Wanted wanted, BytesOf bytes) {
  return [items = std::move(items), wanted = std::move(wanted), bytes,
          at = size_t{0}]() mutable -> Bytes {
    while (at < items.size()) {
      const auto& item = items[at++];
      if (wanted(*item)) return Bytes(item, bytes(*item));
    }
    return nullptr;
  };
}

template <typename Item>
const std::string* BytesOf(const Item& item) {
  return &item.bytes;
}
template <typename Sample>
const std::string* MessageOf(const Sample& sample) {
  return &sample.message;
}

}  // namespace

ItemStream* RuntimeServer::Refuse(Context* context, const base::Error& error) {
  ItemStream* const stream = list_streams_.Add(context, kItemsOfABatch);
  stream->Fail(rpc::ToGrpc(error));
  return stream;
}

ItemStream* RuntimeServer::StreamSamples(Context* context, stats::Scope scope, size_t most_items,
                                         std::function<ItemStream::Next(stats::SnapshotPtr)> next) {
  ItemStream* const stream = list_streams_.Add(context, most_items);
  sampler_.Ask(scope, [this, scope, stream, next = std::move(next)](stats::SnapshotPtr snapshot) {
    if (!snapshot) return stream->Fail(grpc::Status(grpc::UNAVAILABLE, "the runtime is stopping"));
    if (!scope.everything) return stream->Begin(next(std::move(snapshot)));
    executor_.Post([stream, next, snapshot] { stream->Begin(next(snapshot)); });
  });
  return stream;
}

Stream* RuntimeServer::StreamPodSandboxes(Context* context, const grpc::ByteBuffer* request) {
  const base::Result<cri::StreamPodSandboxesRequest> asked =
      ParseRequest<cri::StreamPodSandboxesRequest>(*request);
  if (!asked.ok()) return Refuse(context, asked.error());
  ItemStream* const stream = list_streams_.Add(context, kItemsOfABatch);
  stream->Begin(NextOf(
      runtime_.SandboxItems(),
      [filter = asked->filter()](const SandboxItem& item) { return Matches(filter, item); },
      BytesOf<SandboxItem>));
  return stream;
}

Stream* RuntimeServer::StreamContainers(Context* context, const grpc::ByteBuffer* request) {
  const base::Result<cri::StreamContainersRequest> asked =
      ParseRequest<cri::StreamContainersRequest>(*request);
  if (!asked.ok()) return Refuse(context, asked.error());
  ItemStream* const stream = list_streams_.Add(context, kItemsOfABatch);
  stream->Begin(NextOf(
      runtime_.ContainerItems(),
      [filter = asked->filter()](const ContainerItem& item) { return Matches(filter, item); },
      BytesOf<ContainerItem>));
  return stream;
}

Stream* RuntimeServer::StreamContainerStats(Context* context, const grpc::ByteBuffer* request) {
  const base::Result<cri::StreamContainerStatsRequest> asked =
      ParseRequest<cri::StreamContainerStatsRequest>(*request);
  if (!asked.ok()) return Refuse(context, asked.error());
  return StreamSamples(context, {}, kItemsOfABatch,
                       [filter = asked->filter()](const stats::SnapshotPtr& snapshot) {
                         return NextOf(
                             snapshot->containers,
                             [filter](const stats::ContainerSample& sample) {
                               return sample.usage && Matches(filter, *sample.target);
                             },
                             MessageOf<stats::ContainerSample>);
                       });
}

Stream* RuntimeServer::StreamPodSandboxStats(Context* context, const grpc::ByteBuffer* request) {
  const base::Result<cri::StreamPodSandboxStatsRequest> asked =
      ParseRequest<cri::StreamPodSandboxStatsRequest>(*request);
  if (!asked.ok()) return Refuse(context, asked.error());
  return StreamSamples(
      context, {.pods = true}, kItemsOfABatch,
      [filter = asked->filter()](const stats::SnapshotPtr& snapshot) {
        return NextOf(
            snapshot->pods,
            [filter](const stats::PodSample& sample) { return Matches(filter, *sample.target); },
            MessageOf<stats::PodSample>);
      });
}

Stream* RuntimeServer::StreamPodSandboxMetrics(Context* context, const grpc::ByteBuffer*) {
  return StreamSamples(context, {.pods = true, .everything = true}, kPodMetricsOfABatch,
                       [this](const stats::SnapshotPtr& snapshot) -> ItemStream::Next {
                         const auto machine = std::make_shared<const stats::Machine>(
                             stats::DescribeMachine(runtime_.state_dir(), *snapshot));
                         return [snapshot, machine, at = size_t{0}]() mutable -> Bytes {
                           if (at == snapshot->pods.size()) return nullptr;
                           return std::make_shared<const std::string>(
                               stats::MetricsMessage(*snapshot->pods[at++], *machine));
                         };
                       });
}

Stream* ImageServer::StreamImages(Context* context, const grpc::ByteBuffer* request) {
  ItemStream* const stream = list_streams_.Add(context, kItemsOfABatch);
  const base::Result<cri::StreamImagesRequest> asked =
      ParseRequest<cri::StreamImagesRequest>(*request);
  if (!asked.ok()) {
    stream->Fail(rpc::ToGrpc(asked.error()));
    return stream;
  }
  std::vector<image::Image> images;
  if (const std::string& wanted = asked->filter().image().image(); !wanted.empty()) {
    if (std::optional<image::Image> found = images_.Find(wanted)) images.push_back(*found);
  } else {
    images = images_.List();
  }
  stream->Begin([images = std::move(images), at = size_t{0}]() mutable -> Bytes {
    if (at == images.size()) return nullptr;
    return std::make_shared<const std::string>(ToImage(images[at++]).SerializeAsString());
  });
  return stream;
}

}  // namespace keelson::cri_server
