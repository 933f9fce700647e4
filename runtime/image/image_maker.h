// SPDX-License-Identifier: Apache-2.0
// From a source to a stored image, the same way for registries and layouts: document, platform,
// manifest, configuration, layers (up to three at the same time), then the name. Nothing is left
// behind by a failure but whole layers, which the next try uses or the collector takes. Blocking;
// one Make() at a time each on its own thread.
#pragma once

#include <stop_token>

#include "runtime/image/document_reader.h"
#include "runtime/image/image_source.h"
#include "runtime/image/image_store.h"

namespace keelson::image {

class ImageMaker {
 public:
  ImageMaker(ImageStore& images, snapshot::LayerStore& layers, const DocumentReader& reader,
             Platform platform)
      : images_(images), layers_(layers), reader_(reader), platform_(std::move(platform)) {}
  // The image's id.
  base::Result<std::string> Make(ImageSource& source, const Reference& reference,
                                 const std::stop_token& stop);

 private:
  struct Found {
    std::string top_digest;
    std::string manifest_bytes;
    Manifest manifest;
  };
  base::Result<Found> FindManifest(ImageSource& source, const Reference& reference) const;
  base::Status EnsureLayers(ImageSource& source, const Manifest& manifest,
                            const ConfigDocument& config, const std::stop_token& stop) const;

  ImageStore& images_;
  snapshot::LayerStore& layers_;
  const DocumentReader& reader_;
  const Platform platform_;
};

}  // namespace keelson::image
