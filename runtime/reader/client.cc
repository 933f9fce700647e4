// SPDX-License-Identifier: Apache-2.0
#include "runtime/reader/client.h"

#include "runtime/image/document_codec.h"
#include "runtime/reader/ask.h"

namespace keelson::reader {

using base::Result;

namespace {

constexpr char kDocument[] = "a document of the image";

}  // namespace

Result<image::Document> DocumentReader::Read(std::string_view bytes,
                                             std::string_view media_type) const {
  ASSIGN_OR_RETURN(const std::string answer,
                   Ask(program_, kDocument, Question::Kind::kImageDocument, media_type, bytes));
  return image::DecodeDocument(answer);
}

Result<image::ConfigDocument> DocumentReader::ReadConfig(std::string_view bytes) const {
  ASSIGN_OR_RETURN(const std::string answer,
                   Ask(program_, kDocument, Question::Kind::kImageConfig, "", bytes));
  return image::DecodeConfig(answer);
}

}  // namespace keelson::reader
