// SPDX-License-Identifier: Apache-2.0
// Labels and what selects by them, compiled to symbols. Plain values; the symbols outlive them.
#pragma once

#include <utility>
#include <vector>

#include "lib/json/value.h"
#include "minimal-master/scheduler/model/symbols.h"

namespace keelson::scheduler::model {

class Labels {
 public:
  Labels() = default;
  Labels(const json::Value& object, Symbols& symbols);

  // Null: it has none of this key.
  const Symbol* Find(Symbol key) const;
  bool empty() const { return pairs_.empty(); }
  const std::vector<std::pair<Symbol, Symbol>>& pairs() const { return pairs_; }
  friend bool operator==(const Labels&, const Labels&) = default;

 private:
  std::vector<std::pair<Symbol, Symbol>> pairs_;  // sorted by key
};

struct Requirement {
  enum class Op : uint8_t { kIn, kNotIn, kExists, kNotExists, kGreater, kLess, kNever };
  Symbol key = kEmpty;
  Op op = Op::kExists;
  std::vector<Symbol> values;
  int64_t number = 0;                // of kGreater and kLess
  const Symbols* symbols = nullptr;  // of kGreater and kLess

  bool Matches(const Symbol* value) const;
};

// All requirements hold. One that came from nothing (a missing labelSelector) matches nothing, an
// empty one everything.
struct Selector {
  bool nothing = false;
  std::vector<Requirement> all;

  bool empty() const { return !nothing && all.empty(); }
  bool Matches(const Labels& labels) const;
};

// matchLabels and matchExpressions; `selector` null: matches nothing.
Selector SelectorOf(const json::Value* selector, Symbols& symbols);
// A plain map of labels.
Selector SelectorOfMap(const json::Value& map, Symbols& symbols);
// {key, operator, values} of a label or node selector.
Requirement RequirementOf(const json::Value& expression, Symbols& symbols);

}  // namespace keelson::scheduler::model
