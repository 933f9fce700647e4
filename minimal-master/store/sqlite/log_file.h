// SPDX-License-Identifier: Apache-2.0
// SQLite's write-ahead log as a file, without SQLite: which log it is and how far it can be read.
// SQLite itself ends at the first frame that does not fit and says nothing. Blocking, any thread.
// Source: sqlite.org/fileformat2.html#the_write_ahead_log.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace keelson::store {

struct LogFile {
  bool is_log = false;  // it begins as one
  uint64_t name = 0;    // its salts: another each time that it begins anew
  uint32_t frames = 0;  // up to the first that does not fit
};
// Nothing is there, or no file: no log.
LogFile ReadLogFile(const std::string& path);

// The name alone, of an open one; nullopt: it cannot be read.
std::optional<uint64_t> NameOfLog(int file);

}  // namespace keelson::store
