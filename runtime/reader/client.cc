// SPDX-License-Identifier: Apache-2.0
#include "runtime/reader/client.h"

#include "lib/os/process.h"
#include "runtime/image/document_codec.h"

namespace keelson::reader {

using base::Result;

namespace {

// Of a machine that does nothing else for a while; the process' own time is limited by the kernel.
constexpr std::chrono::minutes kPatience{2};

}  // namespace

Result<std::string> DocumentReader::Ask(const std::string& question) const {
  if (question.size() > image::kMaxQuestionBytes)
    return base::ResourceExhausted("the document of {} bytes is too large", question.size());
  const Result<os::CommandResult> done =
      os::RunCommand({.argv = {program_}}, question, kPatience, image::kMaxAnswerBytes);
  if (!done.ok()) return done.error().WithContext("read a document of the image");
  if (!done->status.exited_normally()) {
    return base::Internal(
        "the process that reads a document of the image was ended by signal {} (its time and "
        "memory are limited)",
        done->status.signal());
  }
  if (done->status.code() != 0) {
    return base::Internal("the process that reads a document of the image ended with code {}",
                          done->status.code());
  }
  return std::move(done->out);
}

Result<image::Document> DocumentReader::Read(std::string_view bytes,
                                             std::string_view media_type) const {
  ASSIGN_OR_RETURN(const std::string answer,
                   Ask(image::EncodeQuestion(image::Question::Kind::kDocument, media_type, bytes)));
  return image::DecodeDocument(answer);
}

Result<image::ConfigDocument> DocumentReader::ReadConfig(std::string_view bytes) const {
  ASSIGN_OR_RETURN(const std::string answer,
                   Ask(image::EncodeQuestion(image::Question::Kind::kConfig, "", bytes)));
  return image::DecodeConfig(answer);
}

}  // namespace keelson::reader
