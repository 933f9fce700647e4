// SPDX-License-Identifier: Apache-2.0
// The daemon's side of keelson-read for images: what their documents say, read by a process of its
// own for each (document_codec.h). Any thread; blocks (runtime/reader/ask.h).
#pragma once

#include <string>
#include <string_view>

#include "lib/base/result.h"
#include "runtime/image/documents.h"

namespace keelson::image {

class DocumentReader {
 public:
  explicit DocumentReader(std::string program) : program_(std::move(program)) {}
  // An index or a manifest. `media_type`: what the registry or the descriptor said, empty when
  // nobody did.
  base::Result<Document> Read(std::string_view bytes, std::string_view media_type) const;
  base::Result<ConfigDocument> ReadConfig(std::string_view bytes) const;

 private:
  const std::string program_;  // path of keelson-read
};

}  // namespace keelson::image
