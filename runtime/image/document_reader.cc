// SPDX-License-Identifier: Apache-2.0
#include "runtime/image/document_reader.h"

#include "runtime/image/document_codec.h"
#include "runtime/reader/ask.h"

namespace keelson::image {

using base::Result;

namespace {

constexpr char kDocument[] = "a document of the image";

}  // namespace

Result<Document> DocumentReader::Read(std::string_view bytes, std::string_view media_type) const {
  ASSIGN_OR_RETURN(
      const std::string answer,
      reader::Ask(program_, kDocument, reader::Question::Kind::kImageDocument, media_type, bytes));
  return DecodeDocument(answer);
}

Result<ConfigDocument> DocumentReader::ReadConfig(std::string_view bytes) const {
  ASSIGN_OR_RETURN(
      const std::string answer,
      reader::Ask(program_, kDocument, reader::Question::Kind::kImageConfig, "", bytes));
  return DecodeConfig(answer);
}

}  // namespace keelson::image
