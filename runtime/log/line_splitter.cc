// SPDX-License-Identifier: Apache-2.0
#include "runtime/log/line_splitter.h"

#include <algorithm>
#include <cstdio>
#include <ctime>

namespace keelson::log {

std::string FormatTime(int64_t wall_nanos) {
  const time_t seconds = wall_nanos / 1'000'000'000;
  tm parts{};
  gmtime_r(&seconds, &parts);
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%09ldZ", parts.tm_year + 1900,
                parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                static_cast<long>(wall_nanos % 1'000'000'000));
  return text;
}

std::string LineSplitter::Entry(std::string_view text, bool whole, int64_t now) const {
  std::string entry = FormatTime(now);
  entry += ' ';
  entry += stream_;
  entry += whole ? " F " : " P ";
  entry += text;
  entry += '\n';
  return entry;
}

void LineSplitter::Feed(std::string_view bytes, int64_t now,
                        const std::function<void(std::string)>& emit) {
  while (!bytes.empty()) {
    const size_t newline = bytes.find('\n');
    const size_t room = kMaxLineBytes - pending_.size();
    const size_t take = std::min({newline, bytes.size(), room});
    pending_.append(bytes.substr(0, take));
    bytes.remove_prefix(take);
    if (!bytes.empty() && bytes.front() == '\n') {
      emit(Entry(pending_, true, now));
      bytes.remove_prefix(1);
      pending_.clear();
    } else if (pending_.size() == kMaxLineBytes && !bytes.empty()) {
      emit(Entry(pending_, false, now));
      pending_.clear();
    }
  }
}

void LineSplitter::Finish(int64_t now, const std::function<void(std::string)>& emit) {
  if (!pending_.empty()) emit(Entry(pending_, false, now));
  pending_.clear();
}

}  // namespace keelson::log
