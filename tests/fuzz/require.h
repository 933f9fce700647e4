// SPDX-License-Identifier: Apache-2.0
// What a fuzz target expects of what it was told: broken, it ends the process, with the text in
// question.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace keelson::fuzz {

inline void Require(bool good, const char* what, std::string_view text = {}) {
  if (good) return;
  std::fprintf(stderr, "%s:\n%.*s\n", what, static_cast<int>(text.size()), text.data());
  std::abort();
}

// A refusal has words, and not without end: they go into logs and into answers to clients.
inline void RequireSentence(std::string_view message) {
  Require(!message.empty() && message.size() < 16384, "a refusal without words or without end",
          message);
}

}  // namespace keelson::fuzz
