// SPDX-License-Identifier: Apache-2.0
// An OCI image layout in a directory (oci-layout, index.json, blobs/sha256/…). Everything is opened
// below that directory without following symlinks. A layout with several images needs a reference
// whose tag is one of its names. Blocking.
#pragma once

#include <memory>

#include "lib/os/rooted_dir.h"
#include "runtime/image/document_reader.h"
#include "runtime/image/image_source.h"
#include "runtime/image/reference.h"

namespace keelson::image {

class LayoutSource final : public ImageSource {
 public:
  static base::Result<std::unique_ptr<LayoutSource>> Open(const std::string& path,
                                                          const Reference& wanted,
                                                          const DocumentReader& reader);
  base::Result<Top> Resolve() override;
  base::Result<std::string> ReadDocument(const Descriptor& descriptor) override;
  base::Status FeedLayer(const Descriptor& layer, os::UniqueFd sink) override;

 private:
  LayoutSource(os::RootedDir root, Reference wanted, const DocumentReader& reader)
      : root_(std::move(root)), wanted_(std::move(wanted)), reader_(reader) {}
  base::Result<os::UniqueFd> OpenBlob(const std::string& digest) const;

  os::RootedDir root_;
  Reference wanted_;
  const DocumentReader& reader_;
};

}  // namespace keelson::image
