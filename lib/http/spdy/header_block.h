// SPDX-License-Identifier: Apache-2.0
// Name/value blocks of SPDY/3 and their compression: one zlib stream a direction, flushed after
// each block, so blocks must be taken in the order in which they came. Names are lower-case and
// come once; bounded in count and bytes before anything is kept. One thread an object. Source:
// draft-mbelshe-httpbis-spdy-00, 2.6.10.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/base/result.h"

namespace keelson::spdy {

// Several values of one name are one string with zero bytes between them.
using Headers = std::vector<std::pair<std::string, std::string>>;

// The value of `name` (lower-case), nothing where there is none.
std::string_view Find(const Headers& headers, std::string_view name);

std::string FormatBlock(const Headers& headers);
base::Result<Headers> ParseBlock(std::string_view block, size_t max_headers);

class HeaderCompressor {
 public:
  HeaderCompressor();
  ~HeaderCompressor();
  std::string Compress(const Headers& headers);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

class HeaderDecompressor {
 public:
  HeaderDecompressor();
  ~HeaderDecompressor();
  // The bytes of one block. An error ends the connection: what follows cannot be read.
  base::Result<std::string> Decompress(std::string_view bytes, size_t max_bytes);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace keelson::spdy
