// SPDX-License-Identifier: Apache-2.0
// The documents of images in our own binary form (lib/base/codec.h): what is asked of keelson-read,
// what it answers, and what a record of the store holds. Whoever answers may have been taken over
// by the document that it read, so decoding believes nothing: sizes, counts, digests, media types,
// UTF-8 and the end of the bytes are looked at. Pure.
#pragma once

#include <string>
#include <string_view>

#include "lib/base/codec.h"
#include "lib/base/result.h"
#include "runtime/image/documents.h"

namespace keelson::image {

constexpr size_t kMaxQuestionBytes = 9u << 20;  // the largest document and its media type
constexpr size_t kMaxAnswerBytes = 32u << 20;   // a list of empty strings grows to thrice its size

struct Question {
  enum class Kind : uint32_t { kDocument = 1, kConfig = 2 };
  Kind kind = Kind::kDocument;
  std::string media_type;  // of a document: what the registry or the descriptor said, or nothing
  std::string bytes;
};
std::string EncodeQuestion(Question::Kind kind, std::string_view media_type,
                           std::string_view bytes);
base::Result<Question> DecodeQuestion(std::string_view bytes);

// An error travels as code and one line of words.
std::string EncodeAnswer(const base::Result<Document>& document);
std::string EncodeAnswer(const base::Result<ConfigDocument>& config);
base::Result<Document> DecodeDocument(std::string_view answer);
base::Result<ConfigDocument> DecodeConfig(std::string_view answer);

void Put(base::Writer& out, const ImageConfig& config);
base::Result<ImageConfig> GetImageConfig(base::Reader& in);

}  // namespace keelson::image
