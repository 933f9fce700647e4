// SPDX-License-Identifier: Apache-2.0
// Where bytes come from, one stage of the unpack pipeline at a time. Used by one thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "lib/base/result.h"

namespace keelson::unpack {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  virtual base::Result<size_t> Read(char* data, size_t size) = 0;  // 0: the end
};

// Exactly `size` bytes unless the end comes first; the count read.
inline base::Result<size_t> ReadFull(ByteSource& source, char* data, size_t size) {
  size_t got = 0;
  while (got < size) {
    ASSIGN_OR_RETURN(const size_t n, source.Read(data + got, size - got));
    if (n == 0) break;
    got += n;
  }
  return got;
}

class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(std::string_view bytes, size_t chunk = SIZE_MAX)
      : rest_(bytes), chunk_(chunk) {}
  base::Result<size_t> Read(char* data, size_t size) override {
    const size_t n = std::min({size, chunk_, rest_.size()});
    if (n > 0) std::memcpy(data, rest_.data(), n);
    rest_.remove_prefix(n);
    return n;
  }

 private:
  std::string_view rest_;
  size_t chunk_;
};

}  // namespace keelson::unpack
