// SPDX-License-Identifier: Apache-2.0
// Columns for people: headings in capitals, three spaces between, nothing after the last. Control
// characters in cells (names and messages come from strangers) become spaces, so that nothing but
// text reaches the terminal. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace keelson::cli {

std::string Printable(std::string_view text);
// At most so many characters of it, on one line; "…" where it was cut.
std::string Shorten(std::string_view text, size_t characters);
std::string FormatBytes(uint64_t bytes);  // "12.3MB", powers of a thousand

class Table {
 public:
  explicit Table(std::vector<std::string> headings) { rows_.push_back(std::move(headings)); }
  void Add(std::vector<std::string> row);  // as many cells as there are headings
  std::string Text() const;
  bool empty() const { return rows_.size() == 1; }

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace keelson::cli
