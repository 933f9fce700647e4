// SPDX-License-Identifier: Apache-2.0
#include "runtime/reader/ask.h"

#include "lib/os/process.h"

namespace keelson::reader {
namespace {

// Of a machine that does nothing else for a while; the process' own time is limited by the kernel.
constexpr std::chrono::minutes kPatience{2};

}  // namespace

base::Result<std::string> Ask(const std::string& program, std::string_view what,
                              Question::Kind kind, std::string_view words, std::string_view bytes) {
  const std::string question = EncodeQuestion(kind, words, bytes);
  if (question.size() > kMaxQuestionBytes)
    return base::ResourceExhausted("{} is too large: {} bytes", what, bytes.size());
  base::Result<os::CommandResult> done =
      os::RunCommand({.argv = {program}}, question, kPatience, kMaxAnswerBytes);
  if (!done.ok()) return done.error().WithContext(fmt::format("read {}", what));
  if (!done->status.exited_normally()) {
    return base::Internal(
        "the process that reads {} was ended by signal {} (its time and memory are limited)", what,
        done->status.signal());
  }
  if (done->status.code() != 0)
    return base::Internal("the process that reads {} ended with code {}", what,
                          done->status.code());
  return std::move(done->out);
}

}  // namespace keelson::reader
