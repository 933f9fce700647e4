// SPDX-License-Identifier: Apache-2.0
#include "runtime/reader/question.h"

#include "lib/json/text.h"

namespace keelson::reader {

using base::Reader;
using base::Result;
using base::Writer;

namespace {

constexpr uint32_t kVersion = 1;
constexpr size_t kMaxMessage = 4096;

std::string OneLine(std::string text) {
  if (text.size() > kMaxMessage) text.resize(kMaxMessage);
  const bool utf8 = json::IsUtf8(text);
  for (char& c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f || (byte > 0x7f && !utf8)) c = '?';
  }
  return text;
}

}  // namespace

std::string EncodeQuestion(Question::Kind kind, std::string_view words, std::string_view bytes) {
  Writer out;
  out.U32(kVersion);
  out.U32(static_cast<uint32_t>(kind));
  out.String(words);
  out.String(bytes);
  return out.Take();
}

Result<Question> DecodeQuestion(std::string_view bytes) {
  Reader in(bytes);
  const uint32_t version = in.U32();
  const uint32_t kind = in.U32();
  Question out;
  out.words = in.String();
  out.bytes = in.String();
  if (!in.ok() || !in.AtEnd() || version != kVersion || kind < 1 || kind > 5)
    return base::InvalidArgument("keelson-read is started by keelson-runtime");
  out.kind = static_cast<Question::Kind>(kind);
  return out;
}

Writer BeginAnswer() {
  Writer out;
  out.U32(kVersion);
  out.Bool(true);
  return out;
}

std::string Refusal(const base::Error& error) {
  Writer out;
  out.U32(kVersion);
  out.Bool(false);
  out.U32(static_cast<uint32_t>(error.code()));
  out.String(OneLine(error.message()));
  return out.Take();
}

base::Status OpenAnswer(Reader& in) {
  const uint32_t version = in.U32();
  const bool good = in.Bool();
  if (!in.ok() || version != kVersion) return Malformed();
  if (good) return base::Ok();
  const uint32_t code = in.U32();
  std::string message = OneLine(in.String());
  if (!in.ok() || !in.AtEnd() || code < 1 || code > 16 || message.empty()) return Malformed();
  return base::Error(static_cast<base::Code>(code), std::move(message));
}

base::Error Malformed() { return base::Internal("keelson-read gave a malformed answer"); }

bool IsText(std::string_view text) {
  return text.size() <= kMaxQuestionBytes && text.find('\0') == std::string_view::npos &&
         json::IsUtf8(text);
}

}  // namespace keelson::reader
