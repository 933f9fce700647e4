// SPDX-License-Identifier: Apache-2.0
// What a fake container's command does, read off its words: `echo TEXT`, `sh -c` with steps between
// semicolons (echo TEXT, echo TEXT
// >&2, exit N, trap '' TERM; anything else runs on), `false`. Everything else runs until it is
// stopped. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace keelson::cri_client {

struct FakeProgram {
  std::string out, err;              // lines
  std::optional<int32_t> exit_code;  // none: runs until it is stopped
  bool ignores_term = false;
  std::string start_error;  // not empty: it cannot be started
};
FakeProgram ReadProgram(const std::vector<std::string>& words);

}  // namespace keelson::cri_client
