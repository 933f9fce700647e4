// SPDX-License-Identifier: Apache-2.0
// A strict, streaming reader of tar archives: ustar, pax, GNU long names. What is ambiguous or not
// understood (sparse files, two long names for one entry, unknown types) is refused with a
// sentence, never guessed. All sizes are bounded. Paths and links come out as the archive says
// them: making them safe is the extractor's task. One thread. Sources: POSIX pax, GNU tar's manual.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/base/result.h"
#include "runtime/unpack/byte_source.h"

namespace keelson::unpack {

struct TarEntry {
  enum class Kind { kFile, kHardLink, kSymlink, kCharDevice, kBlockDevice, kDirectory, kFifo };
  Kind kind = Kind::kFile;
  std::string path;
  std::string link;
  uint64_t size = 0;
  uint32_t mode = 0;  // permission bits, set-id bits and the sticky bit
  uint64_t uid = 0;
  uint64_t gid = 0;
  int64_t mtime_seconds = 0;
  uint32_t mtime_nanos = 0;
  uint32_t device_major = 0;
  uint32_t device_minor = 0;
  std::vector<std::pair<std::string, std::string>> xattrs;
};

class TarReader {
 public:
  static constexpr size_t kMaxPath = 4096;
  static constexpr size_t kMaxExtension = 1u << 20;  // one pax header or long name
  static constexpr size_t kMaxXattrs = 64;

  explicit TarReader(ByteSource& source) : source_(source) {}

  // false: the end of the archive. What is left of the entry before is passed over.
  base::Result<bool> Next(TarEntry* entry);
  // The content of the current file; 0 at its end.
  base::Result<size_t> ReadContent(char* data, size_t size);

 private:
  struct Extensions;
  base::Result<bool> ReadBlock(char* block);
  base::Result<std::string> ReadExtension(uint64_t size, const char* what);
  base::Status Skip(uint64_t size);
  base::Status ReadPax(uint64_t size, Extensions* extensions);
  base::Status ReadGlobalPax(uint64_t size);
  base::Status Fill(const char* block, const Extensions& extensions, TarEntry* entry);

  ByteSource& source_;
  uint64_t content_left_ = 0;
  uint64_t padding_left_ = 0;
  bool ended_ = false;
};

}  // namespace keelson::unpack
