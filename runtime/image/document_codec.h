// SPDX-License-Identifier: Apache-2.0
// The documents of images in our own binary form (lib/base/codec.h): what keelson-read answers, and
// what a record of the store holds. Whoever answers may have been taken over by the document that
// it read, so decoding believes nothing: sizes, counts, digests, media types, UTF-8 and the end of
// the bytes are looked at. Pure.
#pragma once

#include <string>
#include <string_view>

#include "lib/base/codec.h"
#include "lib/base/result.h"
#include "runtime/image/documents.h"

namespace keelson::image {

// An error travels as code and one line of words.
std::string EncodeAnswer(const base::Result<Document>& document);
std::string EncodeAnswer(const base::Result<ConfigDocument>& config);
base::Result<Document> DecodeDocument(std::string_view answer);
base::Result<ConfigDocument> DecodeConfig(std::string_view answer);

void Put(base::Writer& out, const ImageConfig& config);
base::Result<ImageConfig> GetImageConfig(base::Reader& in);

}  // namespace keelson::image
