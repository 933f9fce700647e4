// SPDX-License-Identifier: Apache-2.0
// The resize stream: JSON objects {"Width":80,"Height":24} one after another, in pieces of any
// size. What is not one is passed over up to the next. One thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "runtime/stream/protocol.h"

namespace keelson::stream {

class SizeReader {
 public:
  // The last whole size in what has come, if one became whole now.
  std::optional<Size> Take(std::string_view piece);

 private:
  std::string object_;
  bool inside_ = false;
};

}  // namespace keelson::stream
