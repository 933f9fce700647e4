// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/store/sqlite/log_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/os/files.h"

namespace keelson::store {
namespace {

constexpr size_t kHeader = 32, kFrameHeader = 24, kSummed = 24, kNameAt = 16;
constexpr uint32_t kMagic = 0x377f0682;  // its last bit: sums are of big-endian words

uint32_t Big(const char* at) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(at);
  return uint32_t{bytes[0]} << 24 | uint32_t{bytes[1]} << 16 | uint32_t{bytes[2]} << 8 | bytes[3];
}
uint32_t Little(const char* at) { return __builtin_bswap32(Big(at)); }
uint64_t Pair(const char* at) { return uint64_t{Big(at)} << 32 | Big(at + 4); }

struct Sum {
  bool big = false;
  uint32_t first = 0, second = 0;
  void Add(const char* bytes, size_t size) {
    for (size_t i = 0; i < size; i += 8) {
      first += (big ? Big(bytes + i) : Little(bytes + i)) + second;
      second += (big ? Big(bytes + i + 4) : Little(bytes + i + 4)) + first;
    }
  }
  bool Is(const char* at) const { return Pair(at) == (uint64_t{first} << 32 | second); }
};

bool ReadWhole(int file, char* to, size_t size, uint64_t from) {
  return ::pread(file, to, size, static_cast<off_t>(from)) == static_cast<ssize_t>(size);
}

}  // namespace

LogFile ReadLogFile(const std::string& path) {
  LogFile log;
  struct stat there{};
  if (::lstat(path.c_str(), &there) != 0 || !S_ISREG(there.st_mode)) return log;
  const auto file = os::Open(path, O_RDONLY);
  char header[kHeader];
  if (!file.ok() || !ReadWhole(file->get(), header, sizeof header, 0)) return log;
  const uint32_t page = Big(header + 8);
  if ((Big(header) & ~1u) != kMagic || page < 512 || page > 65536 || (page & (page - 1)) != 0)
    return log;
  Sum sum{.big = (Big(header) & 1) != 0};
  sum.Add(header, kSummed);
  if (!sum.Is(header + kSummed)) return log;
  log.is_log = true;
  log.name = Pair(header + kNameAt);
  std::string frame(kFrameHeader + page, '\0');
  for (uint64_t at = kHeader; ReadWhole(file->get(), frame.data(), frame.size(), at);
       at += frame.size()) {
    sum.Add(frame.data(), 8);
    sum.Add(frame.data() + kFrameHeader, page);
    if (Big(frame.data()) == 0 || Pair(frame.data() + 8) != log.name || !sum.Is(frame.data() + 16))
      break;
    ++log.frames;
  }
  return log;
}

std::optional<uint64_t> NameOfLog(int file) {
  char name[8];
  if (!ReadWhole(file, name, sizeof name, kNameAt)) return std::nullopt;
  return Pair(name);
}

}  // namespace keelson::store
