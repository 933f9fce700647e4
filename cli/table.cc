// SPDX-License-Identifier: Apache-2.0
#include "cli/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "lib/base/result.h"

namespace keelson::cli {
namespace {

bool ContinuesCharacter(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

// Of UTF-8; wide characters count as one, which is wrong by a column and no more.
size_t Width(std::string_view text) {
  return text.size() -
         static_cast<size_t>(std::count_if(text.begin(), text.end(), ContinuesCharacter));
}

}  // namespace

std::string Printable(std::string_view text) {
  std::string out(text);
  for (size_t i = 0; i < out.size(); ++i) {
    const auto byte = static_cast<unsigned char>(out[i]);
    // Bytes 80 to 9f as characters (C2 80 to C2 9F) are control characters, too: 9B begins terminal
    // sequences.
    const bool c1 =
        byte == 0xC2 && i + 1 < out.size() && static_cast<unsigned char>(out[i + 1]) < 0xA0;
    if (c1) out[i + 1] = ' ';
    if (c1 || byte < 0x20 || byte == 0x7F) out[i] = ' ';
  }
  return out;
}

std::string FormatBytes(uint64_t bytes) {
  constexpr std::array kUnits = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
  if (bytes < 1000) return std::to_string(bytes) + "B";
  size_t unit = 0;
  auto value = static_cast<double>(bytes);
  while (value >= 999.5 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  return fmt::format("{:.3g}{}", value, kUnits[unit]);
}

std::string Shorten(std::string_view text, size_t characters) {
  std::string out = Printable(text);
  if (Width(out) <= characters) return out;
  size_t end = 0;
  for (size_t seen = 0; end < out.size(); ++end) {
    if (!ContinuesCharacter(out[end]) && ++seen == characters) break;
  }
  return out.substr(0, end) + "…";
}

void Table::Add(std::vector<std::string> row) {
  KEELSON_CHECK(row.size() == rows_[0].size());
  for (std::string& cell : row) cell = Printable(cell);
  rows_.push_back(std::move(row));
}

std::string Table::Text() const {
  std::vector<size_t> widths(rows_[0].size());
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], Width(row[i]));
  }
  std::string text;
  for (const auto& row : rows_) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i)
      line += row[i] + std::string(widths[i] - Width(row[i]) + 3, ' ');
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

}  // namespace keelson::cli
