// SPDX-License-Identifier: Apache-2.0
// keelson-read: reads one question from descriptor 0 to its end, answers on descriptor 1 and ends
// (runtime/reader/question.h). Started by keelson-runtime for each document of an image and for
// each output of a network plugin.
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "runtime/cni/parse_result.h"
#include "runtime/cni/result_codec.h"
#include "runtime/image/document_codec.h"
#include "runtime/image/parse_documents.h"
#include "runtime/reader/question.h"
#include "runtime/reader/rights.h"

namespace {

using namespace keelson;

bool ReadQuestion(std::string& question) {
  char buffer[65536];
  while (question.size() <= reader::kMaxQuestionBytes) {
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
  using Kind = reader::Question::Kind;
  const base::Result<reader::Question> asked = reader::DecodeQuestion(text);
  if (!asked.ok()) return reader::Refusal(asked.error());
  switch (asked->kind) {
    case Kind::kImageDocument:
      return image::EncodeAnswer(image::ParseDocument(asked->bytes, asked->words));
    case Kind::kImageConfig:
      return image::EncodeAnswer(image::ParseConfig(asked->bytes));
    case Kind::kCniResult:
      return cni::EncodeAnswer(cni::ParseAddResult(asked->bytes, asked->words));
    case Kind::kCniError:
      return cni::EncodeAnswer(cni::ParsePluginError(asked->bytes, asked->words));
    case Kind::kCniVersions:
      return cni::EncodeAnswer(cni::ParseVersions(asked->bytes));
  }
  return "";
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
