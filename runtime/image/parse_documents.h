// SPDX-License-Identifier: Apache-2.0
// Reading the JSON of images. What can be read in two ways is refused: a document that has both
// layers and manifests, or whose media type says something else than its content. Everything is
// bounded. Who calls this may be taken over by what it reads: keelson-read alone, and tests. Pure.
#pragma once

#include <string_view>

#include "runtime/image/documents.h"

namespace keelson::image {

// `media_type`: what the registry or the descriptor said, empty when nobody did.
base::Result<Document> ParseDocument(std::string_view bytes, std::string_view media_type);
base::Result<ConfigDocument> ParseConfig(std::string_view bytes);

}  // namespace keelson::image
