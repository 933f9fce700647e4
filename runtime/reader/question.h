// SPDX-License-Identifier: Apache-2.0
// What keelson-read is asked, and the head that all of its answers have (lib/base/codec.h). Whoever
// answers may have been taken over by what it read, so nothing of an answer is believed. Pure.
#pragma once

#include <string>
#include <string_view>

#include "lib/base/codec.h"
#include "lib/base/result.h"

namespace keelson::reader {

constexpr size_t kMaxQuestionBytes = 9u << 20;  // the largest document and its media type
constexpr size_t kMaxAnswerBytes = 32u << 20;   // a list of empty strings grows to thrice its size

struct Question {
  enum class Kind : uint32_t {
    kImageDocument = 1,
    kImageConfig = 2,
    kCniResult = 3,
    kCniError = 4,
    kCniVersions = 5
  };
  Kind kind = Kind::kImageDocument;
  std::string words;  // an image document's media type, a result's interface, an error's stderr
  std::string bytes;
};
std::string EncodeQuestion(Question::Kind kind, std::string_view words, std::string_view bytes);
base::Result<Question> DecodeQuestion(std::string_view bytes);

base::Writer BeginAnswer();                     // of a value that follows
std::string Refusal(const base::Error& error);  // the whole answer: code and one line of words
// The error that is told, if one is; else the rest is a value.
base::Status OpenAnswer(base::Reader& answer);
base::Error Malformed();
bool IsText(std::string_view text);  // UTF-8 without NUL, no longer than a question

}  // namespace keelson::reader
