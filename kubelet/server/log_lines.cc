// SPDX-License-Identifier: Apache-2.0
#include "kubelet/server/log_lines.h"

#include <algorithm>
#include <limits>

#include "lib/base/rfc3339.h"

namespace keelson::server {
namespace {

constexpr int64_t kBlock = 64 << 10;
constexpr size_t kMostHead = 1 << 10;  // of a record: its time, stream and tags

std::string_view TakeWord(std::string_view& rest) {
  const size_t space = rest.find(' ');
  const std::string_view word = rest.substr(0, space);
  rest.remove_prefix(space == std::string_view::npos ? rest.size() : space + 1);
  return word;
}

}  // namespace

std::optional<LogRecord> ParseLogRecord(std::string_view line) {
  LogRecord record;
  record.time = TakeWord(line);
  record.stream = TakeWord(line);
  const std::string_view tags = TakeWord(line);
  if (record.time.empty() || (record.stream != "stdout" && record.stream != "stderr") ||
      tags.empty())
    return std::nullopt;
  record.whole = tags.substr(0, tags.find(':')) != "P";
  record.text = line;
  return record;
}

LineJoiner::LineJoiner(const LogOptions& options)
    : options_(options),
      left_(options.limit_bytes ? static_cast<size_t>(*options.limit_bytes)
                                : std::numeric_limits<size_t>::max()) {}

void LineJoiner::Emit(std::string_view text, std::string& out) {
  const size_t taken = std::min(left_, text.size());
  out.append(text.substr(0, taken));
  left_ -= taken;
}

LineJoiner::Pendings::iterator LineJoiner::Open(const std::optional<LogRecord>& record) {
  if (!record || (!options_.stream.empty() && record->stream != options_.stream))
    return pending_.end();
  auto found = pending_.find(record->stream);
  if (found != pending_.end()) return found;
  found = pending_.try_emplace(std::string(record->stream)).first;
  // A line's time is that of its first record, so a joined one comes whole or not at all.
  if (options_.since) {
    const std::optional<int64_t> time = base::ParseRfc3339(record->time);
    found->second.left_out = !time || *time < *options_.since;
  }
  if (options_.timestamps) found->second.text = std::string(record->time) + " ";
  return found;
}

void LineJoiner::Add(Pendings::iterator to, std::string_view text, bool ends, std::string& out) {
  Pending& pending = to->second;
  if (!pending.left_out) pending.text.append(text);
  if (ends) {
    pending.text += '\n';
    if (!pending.left_out) Emit(pending.text, out);
    pending_.erase(to);
  } else if (pending.text.size() > kMaxPendingBytes) {
    Emit(pending.text, out);
    pending.text.clear();
  }
}

void LineJoiner::TakeRecord(std::string_view line, std::string& out) {
  const std::optional<LogRecord> record = ParseLogRecord(line);
  if (const auto to = Open(record); to != pending_.end()) Add(to, record->text, record->whole, out);
}

void LineJoiner::BeginLong(std::string& out) {
  const std::optional<LogRecord> record = ParseLogRecord(unfinished_);
  long_ = Long{.stream = "", .whole = true};
  if (const auto to = Open(record); to != pending_.end()) {
    long_ = {std::string(record->stream), record->whole};
    Add(to, record->text, false, out);
  }
  unfinished_.clear();
}

void LineJoiner::GoOn(std::string_view text, bool ends, std::string& out) {
  if (const auto to = pending_.find(long_->stream); to != pending_.end())
    Add(to, text, ends && long_->whole, out);
  if (ends) long_.reset();
}

void LineJoiner::Feed(std::string_view bytes, std::string& out) {
  while (!full() && !bytes.empty()) {
    const size_t newline = bytes.find('\n');
    const bool ends = newline != std::string_view::npos;
    const std::string_view text = bytes.substr(0, newline);
    if (long_) {
      GoOn(text, ends, out);
    } else if (ends && unfinished_.empty()) {
      TakeRecord(text, out);
    } else {
      unfinished_.append(text);
      if (ends) {
        TakeRecord(unfinished_, out);
        unfinished_.clear();
      } else if (unfinished_.size() > kMaxRecordBytes) {
        BeginLong(out);
      }
    }
    bytes.remove_prefix(ends ? newline + 1 : bytes.size());
  }
}

void LineJoiner::EndFile(std::string& out) {
  if (long_) GoOn("", true, out);
  if (!unfinished_.empty()) TakeRecord(unfinished_, out);
  unfinished_.clear();
}

void LineJoiner::Finish(std::string& out) {
  EndFile(out);
  for (const auto& [stream, pending] : pending_) {
    if (!pending.left_out) Emit(pending.text, out);
  }
  pending_.clear();
}

int64_t FindTail(const ReadAt& read, int64_t size, int64_t lines, const std::string& stream) {
  if (lines == 0) return size;
  // Records back to front: `carry` is the beginning of the block before, whose first record begins
  // further to the front.
  std::string block, carry;
  int64_t found = 0;
  int64_t begin_of_kept = size;
  bool last = true;
  for (int64_t position = size; position > 0;) {
    const int64_t from = std::max<int64_t>(0, position - kBlock);
    if (!read(from, static_cast<size_t>(position - from), block)) return begin_of_kept;
    block += carry;
    size_t end = block.size();
    while (end > 0) {
      // The record that ends at `end`, its newline with it.
      const size_t before = end >= 2 ? block.rfind('\n', end - 2) : std::string::npos;
      if (before == std::string::npos && from > 0) break;
      const size_t begin = before == std::string::npos ? 0 : before + 1;
      std::string_view line(block.data() + begin, end - begin);
      if (line.ends_with('\n')) line.remove_suffix(1);
      const std::optional<LogRecord> record = ParseLogRecord(line);
      const bool ours = record && (stream.empty() || record->stream == stream);
      // A line ends with its F; a P at the file's very end is a line that goes on.
      if (ours && (record->whole || last)) {
        if (found == lines) return begin_of_kept;
        ++found;
      }
      if (ours) {
        begin_of_kept = from + static_cast<int64_t>(begin);
        last = false;
      }
      end = begin;
    }
    // Of a record's text nothing is asked.
    carry = block.substr(0, std::min(end, kMostHead));
    position = from;
  }
  return begin_of_kept;
}

}  // namespace keelson::server
