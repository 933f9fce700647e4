// SPDX-License-Identifier: Apache-2.0
#include "runtime/image/image_maker.h"

#include <algorithm>
#include <mutex>
#include <thread>

#include "lib/base/fail_point.h"
#include "lib/base/log.h"
#include "runtime/content/digest.h"

namespace keelson::image {
namespace {

using base::Result;
using base::Status;

constexpr size_t kParallelLayers = 3;
constexpr int kMaxNestedIndexes = 3;

}  // namespace

Result<ImageMaker::Found> ImageMaker::FindManifest(ImageSource& source,
                                                   const Reference& reference) const {
  Found found;
  ASSIGN_OR_RETURN(ImageSource::Top top, source.Resolve());
  if (!reference.digest.empty() && top.digest != reference.digest) {
    return base::DataLoss("digest mismatch: asked for {}, got {}", reference.digest, top.digest);
  }
  found.top_digest = top.digest;
  found.manifest_bytes = std::move(top.bytes);
  std::string type = top.media_type;
  for (int depth = 0;; ++depth) {
    ASSIGN_OR_RETURN(Document document, reader_.Read(found.manifest_bytes, type));
    if (Manifest* manifest = std::get_if<Manifest>(&document)) {
      found.manifest = std::move(*manifest);
      return found;
    }
    if (depth == kMaxNestedIndexes)
      return base::InvalidArgument("image indexes are nested too deeply");
    ASSIGN_OR_RETURN(const Descriptor next, ChoosePlatform(std::get<Index>(document), platform_));
    if (next.size > kMaxDocumentBytes)
      return base::ResourceExhausted("the manifest {} of {} bytes is too large", next.digest,
                                     next.size);
    ASSIGN_OR_RETURN(found.manifest_bytes,
                     source.ReadDocument(next).WithContext("manifest " + next.digest));
    type = next.media_type;
  }
}

Result<std::string> ImageMaker::Make(ImageSource& source, const Reference& reference,
                                     const std::stop_token& stop) {
  const std::stop_callback on_stop(stop, [&source] { source.Cancel(); });
  ASSIGN_OR_RETURN(const Found found, FindManifest(source, reference));
  FAIL_POINT("runtime.pull.manifest");
  const Descriptor& descriptor = found.manifest.config;
  if (descriptor.size > content::BlobStore::kMaxBlobBytes) {
    return base::ResourceExhausted("the image's configuration of {} bytes is too large",
                                   descriptor.size);
  }
  ASSIGN_OR_RETURN(
      const std::string config_bytes,
      source.ReadDocument(descriptor).WithContext("configuration " + descriptor.digest));
  ASSIGN_OR_RETURN(
      const ConfigDocument config,
      reader_.ReadConfig(config_bytes).WithContext("configuration " + descriptor.digest));
  FAIL_POINT("runtime.pull.configuration");
  if (!config.platform.architecture.empty() &&
      (config.platform.os != platform_.os ||
       config.platform.architecture != platform_.architecture)) {
    return base::NotFound("the image is made for {}, this machine is {}",
                          config.platform.ToString(), platform_.ToString());
  }
  if (config.diff_ids.size() != found.manifest.layers.size()) {
    return base::InvalidArgument("the manifest lists {} layers, the image's configuration {}",
                                 found.manifest.layers.size(), config.diff_ids.size());
  }
  // A pin for each layer before any is made: the collector may run at any time.
  std::vector<snapshot::LayerStore::Pin> pins;
  std::vector<std::string> digests;
  for (const Descriptor& layer : found.manifest.layers) {
    pins.push_back(layers_.PinLayer(layer.digest));
    digests.push_back(layer.digest);
  }
  RETURN_IF_ERROR(EnsureLayers(source, found.manifest, config, stop));
  FAIL_POINT("runtime.pull.layers");
  if (stop.stop_requested()) return base::Cancelled("cancelled");
  RETURN_IF_ERROR(images_.Commit({config_bytes, found.manifest_bytes, config.config}, digests,
                                 reference, found.top_digest));
  return descriptor.digest;
}

Status ImageMaker::EnsureLayers(ImageSource& source, const Manifest& manifest,
                                const ConfigDocument& config, const std::stop_token& stop) const {
  std::mutex mutex;
  size_t next = 0;
  Status first_error;
  std::stop_source stop_all;
  const std::stop_callback on_stop(stop, [&stop_all] { stop_all.request_stop(); });
  const auto work = [&] {
    for (;;) {
      size_t i;
      {
        const std::lock_guard lock(mutex);
        if (next == manifest.layers.size() || !first_error.ok()) return;
        i = next++;
      }
      const Descriptor& layer = manifest.layers[i];
      Result<snapshot::Layer> made = layers_.Ensure(
          {.digest = layer.digest, .diff_id = config.diff_ids[i], .size = layer.size},
          [&source, &layer](os::UniqueFd sink) { return source.FeedLayer(layer, std::move(sink)); },
          stop_all.get_token());
      if (made.ok()) continue;
      const std::lock_guard lock(mutex);
      if (!first_error.ok()) return;
      first_error = made.error().WithContext(
          fmt::format("layer {} of {} ({})", i + 1, manifest.layers.size(), layer.digest));
      stop_all.request_stop();
      source.Cancel();
    }
  };
  {
    std::vector<std::jthread> workers;
    for (size_t i = 0; i < std::min(kParallelLayers, manifest.layers.size()); ++i)
      workers.emplace_back(work);
  }
  if (stop.stop_requested()) return base::Cancelled("cancelled");
  return first_error;
}

}  // namespace keelson::image
