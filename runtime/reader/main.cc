// SPDX-License-Identifier: Apache-2.0
// keelson-read: reads one question from descriptor 0 to its end, answers on descriptor 1 and ends
// (runtime/image/document_codec.h). Started by keelson-runtime for each document of an image.
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "runtime/image/document_codec.h"
#include "runtime/image/parse_documents.h"
#include "runtime/reader/rights.h"

namespace {

using namespace keelson;

bool ReadQuestion(std::string& question) {
  char buffer[65536];
  while (question.size() <= image::kMaxQuestionBytes) {
    const ssize_t n = read(STDIN_FILENO, buffer, sizeof buffer);
    if (n == 0) return true;
    if (n > 0) question.append(buffer, static_cast<size_t>(n));
    if (n < 0 && errno != EINTR) return false;
  }
  return false;
}

bool Write(std::string_view answer) {
  while (!answer.empty()) {
    const ssize_t n = write(STDOUT_FILENO, answer.data(), answer.size());
    if (n > 0) answer.remove_prefix(static_cast<size_t>(n));
    if (n < 0 && errno != EINTR) return false;
  }
  return true;
}

std::string Answer(const std::string& text) {
  const base::Result<image::Question> question = image::DecodeQuestion(text);
  if (!question.ok()) return image::EncodeAnswer(base::Result<image::Document>(question.error()));
  if (question->kind == image::Question::Kind::kConfig)
    return image::EncodeAnswer(image::ParseConfig(question->bytes));
  return image::EncodeAnswer(image::ParseDocument(question->bytes, question->media_type));
}

}  // namespace

int main() {
  if (const base::Status status = reader::GiveUpRights(); !status.ok()) {
    std::fprintf(stderr, "keelson-read: %s\n", status.error().message().c_str());
    _exit(2);
  }
  std::string question;
  _exit(ReadQuestion(question) && Write(Answer(question)) ? 0 : 1);
}
