// SPDX-License-Identifier: Apache-2.0
// Strings that the scheduler compares, as numbers: equal exactly when the strings are. Grows only;
// the model is read anew when most of them are of objects that are gone. One thread.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace keelson::scheduler::model {

using Symbol = uint32_t;
constexpr Symbol kEmpty = 0;  // of the empty string

class Symbols {
 public:
  Symbols();
  Symbols(const Symbols&) = delete;

  Symbol Of(std::string_view text);
  std::string_view Text(Symbol symbol) const { return texts_[symbol]; }
  // Of a text that is a whole number, as "Gt" and "Lt" compare.
  std::optional<int64_t> Number(Symbol symbol) const;
  size_t size() const { return texts_.size(); }

 private:
  std::deque<std::string> texts_;  // never moves what it has
  std::unordered_map<std::string_view, Symbol> symbols_;
};

}  // namespace keelson::scheduler::model
