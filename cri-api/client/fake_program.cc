// SPDX-License-Identifier: Apache-2.0
#include "cri-api/client/fake_program.h"

#include "lib/base/strings.h"

namespace keelson::cri_client {
namespace {

constexpr std::string_view kToError = " >&2";

// False once the program has come to its end or runs on.
bool Step(std::string_view step, FakeProgram& program) {
  if (step.starts_with("echo ")) {
    step.remove_prefix(5);
    const bool to_error = step.ends_with(kToError);
    if (to_error) step.remove_suffix(kToError.size());
    (to_error ? program.err : program.out).append(step).append("\n");
    return true;
  }
  if (step.starts_with("trap ")) {
    program.ignores_term = step.starts_with("trap '' ");
    return true;
  }
  if (step.starts_with("exit ")) {
    program.exit_code = static_cast<int32_t>(base::ParseUint64(step.substr(5)).value_or(2));
  }
  return false;
}

}  // namespace

FakeProgram ReadProgram(const std::vector<std::string>& words) {
  FakeProgram program;
  if (words.empty()) return program;
  if (words[0] == "false") program.exit_code = 1;
  if (words[0] == "echo") {
    program.out = base::Join({words.begin() + 1, words.end()}, " ") + "\n";
    program.exit_code = 0;
  }
  if (words.size() != 3 || words[0] != "sh" || words[1] != "-c") return program;
  for (const std::string_view step : base::Split(words[2], ';')) {
    if (!Step(base::Trim(step), program)) return program;
  }
  program.exit_code = 0;
  return program;
}

}  // namespace keelson::cri_client
