// SPDX-License-Identifier: Apache-2.0
// Records of a CRI log file ("<RFC3339Nano> <stream> <P|F> <text>") made into the lines that a
// reader asked for: partial ones joined, filtered by stream and time, with a time stamp in front,
// cut at a number of bytes. Records of any length come out whole, as upstream's reader gives them,
// and none is kept whole. Pure; one object for one reader. Source: Kubernetes' CRI logging design.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "kubelet/server/log_options.h"

namespace keelson::server {

struct LogRecord {
  std::string_view time, stream, text;
  bool whole = true;  // F: the line ends here
};
std::optional<LogRecord> ParseLogRecord(std::string_view line);  // without its newline

class LineJoiner {
 public:
  static constexpr size_t kMaxPendingBytes = 256u << 10;  // longer lines come out in pieces
  static constexpr size_t kMaxRecordBytes = 1u << 20;     // longer records are not waited for

  explicit LineJoiner(const LogOptions& options);

  // The file's bytes as they come; appends what the reader gets to `out`. What is no record is left
  // out.
  void Feed(std::string_view bytes, std::string& out);
  // The file has ended, another follows: a record without its newline is as long as it is, lines go
  // on.
  void EndFile(std::string& out);
  // The writer has ended: lines without an end come out as they are.
  void Finish(std::string& out);
  bool full() const { return left_ == 0; }  // limit_bytes have come out

 private:
  struct Pending {
    std::string text;
    bool left_out = false;
  };
  using Pendings = std::map<std::string, Pending, std::less<>>;
  // Where the record's text belongs; the end: nowhere.
  Pendings::iterator Open(const std::optional<LogRecord>& record);
  void TakeRecord(std::string_view line, std::string& out);
  void BeginLong(std::string& out);
  void GoOn(std::string_view text, bool ends, std::string& out);
  void Add(Pendings::iterator to, std::string_view text, bool ends, std::string& out);
  void Emit(std::string_view text, std::string& out);

  const LogOptions options_;
  size_t left_;
  std::string unfinished_;  // of a record whose newline has not come
  Pendings pending_;        // by stream
  // A record whose beginning has been taken and whose newline has not come.
  struct Long {
    std::string stream;  // empty: it is left out
    bool whole;
  };
  std::optional<Long> long_;
};

// Where the last `lines` lines of the stream (empty: of both) begin, looking back through `read`,
// which fills the buffer with the file's bytes at an offset and says whether it could.
using ReadAt = std::function<bool(int64_t offset, size_t size, std::string& buffer)>;
int64_t FindTail(const ReadAt& read, int64_t size, int64_t lines, const std::string& stream);

}  // namespace keelson::server
