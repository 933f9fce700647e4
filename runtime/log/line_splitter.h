// SPDX-License-Identifier: Apache-2.0
// Turns the bytes of one stream into entries of the CRI log format: "<RFC3339Nano> <stream> <F|P>
// <text>\n", P where the line goes on. Lines longer than 16 KiB are cut; what is left without a
// newline at the end of the stream is a P. Binary-safe. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace keelson::log {

constexpr size_t kMaxLineBytes = 16u << 10;

std::string FormatTime(int64_t wall_nanos);  // UTC, nine digits: 2026-01-02T03:04:05.000000006Z

class LineSplitter {
 public:
  explicit LineSplitter(std::string_view stream) : stream_(stream) {}
  // `emit` gets each whole entry.
  void Feed(std::string_view bytes, int64_t now,
            const std::function<void(std::string entry)>& emit);
  void Finish(int64_t now, const std::function<void(std::string entry)>& emit);

 private:
  std::string Entry(std::string_view text, bool whole, int64_t now) const;
  std::string stream_;
  std::string pending_;
};

}  // namespace keelson::log
