// SPDX-License-Identifier: Apache-2.0
// keelson-read asked once: a process for this question alone, which is believed nothing. Any
// thread; blocks for about a millisecond, and at most for the process' limits of time.
#pragma once

#include <string>
#include <string_view>

#include "lib/base/result.h"
#include "runtime/reader/question.h"

namespace keelson::reader {

// The answer's bytes, for the decoder of its kind. `program`: path of keelson-read; `what`: for
// people, "a document of the image".
base::Result<std::string> Ask(const std::string& program, std::string_view what,
                              Question::Kind kind, std::string_view words, std::string_view bytes);

}  // namespace keelson::reader
