// SPDX-License-Identifier: Apache-2.0
// Where an image comes from: a registry or a layout on disk. Documents are checked against their
// digests by the source; layers go from it straight into the unpack process. Blocking;
// ReadDocument() and FeedLayer() may be called from several threads.
#pragma once

#include <stop_token>
#include <string>

#include "lib/base/result.h"
#include "lib/os/unique_fd.h"
#include "runtime/image/documents.h"

namespace keelson::image {

class ImageSource {
 public:
  virtual ~ImageSource() = default;
  struct Top {
    std::string bytes;
    std::string media_type;
    std::string digest;
  };
  // The document that the reference leads to.
  virtual base::Result<Top> Resolve() = 0;
  virtual base::Result<std::string> ReadDocument(const Descriptor& descriptor) = 0;
  // OK only when all of it was written and its digest and size are the descriptor's.
  virtual base::Status FeedLayer(const Descriptor& layer, os::UniqueFd sink) = 0;
  virtual void Cancel() {}  // any thread: what blocks ends soon
};

}  // namespace keelson::image
