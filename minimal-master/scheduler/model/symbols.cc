// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/scheduler/model/symbols.h"

#include "lib/base/strings.h"

namespace keelson::scheduler::model {

Symbols::Symbols() { Of(""); }

Symbol Symbols::Of(std::string_view text) {
  const auto found = symbols_.find(text);
  if (found != symbols_.end()) return found->second;
  texts_.emplace_back(text);
  const Symbol symbol = static_cast<Symbol>(texts_.size() - 1);
  symbols_.emplace(texts_.back(), symbol);
  return symbol;
}

std::optional<int64_t> Symbols::Number(Symbol symbol) const {
  return base::ParseInt64(Text(symbol));
}

}  // namespace keelson::scheduler::model
