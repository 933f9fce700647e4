// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/scheduler/model/labels.h"

#include <algorithm>

#include "lib/base/strings.h"

namespace keelson::scheduler::model {

Labels::Labels(const json::Value& object, Symbols& symbols) {
  pairs_.reserve(object.members().size());
  for (const auto& [key, value] : object.members())
    pairs_.emplace_back(symbols.Of(key), symbols.Of(value.AsString()));
  std::sort(pairs_.begin(), pairs_.end());
}

const Symbol* Labels::Find(Symbol key) const {
  // Objects have a handful of labels: walking them is as quick as halving.
  for (const auto& pair : pairs_) {
    if (pair.first >= key) return pair.first == key ? &pair.second : nullptr;
  }
  return nullptr;
}

bool Requirement::Matches(const Symbol* value) const {
  switch (op) {
    case Op::kIn:
      return value != nullptr && std::find(values.begin(), values.end(), *value) != values.end();
    case Op::kNotIn:
      return value == nullptr || std::find(values.begin(), values.end(), *value) == values.end();
    case Op::kExists:
      return value != nullptr;
    case Op::kNotExists:
      return value == nullptr;
    case Op::kGreater:
    case Op::kLess: {
      if (value == nullptr) return false;
      const std::optional<int64_t> is = symbols->Number(*value);
      return is && (op == Op::kGreater ? *is > number : *is < number);
    }
    case Op::kNever:
      break;
  }
  return false;
}

bool Selector::Matches(const Labels& labels) const {
  if (nothing) return false;
  for (const Requirement& requirement : all) {
    if (!requirement.Matches(labels.Find(requirement.key))) return false;
  }
  return true;
}

Requirement RequirementOf(const json::Value& expression, Symbols& symbols) {
  using Op = Requirement::Op;
  Requirement out;
  out.key = symbols.Of(expression.At({"key"}).AsString());
  for (const json::Value& value : expression.At({"values"}).items())
    out.values.push_back(symbols.Of(value.AsString()));
  const std::string& op = expression.At({"operator"}).AsString();
  out.op = op == "In"             ? Op::kIn
           : op == "NotIn"        ? Op::kNotIn
           : op == "Exists"       ? Op::kExists
           : op == "DoesNotExist" ? Op::kNotExists
           : op == "Gt"           ? Op::kGreater
           : op == "Lt"           ? Op::kLess
                                  : Op::kNever;
  if (out.op == Op::kGreater || out.op == Op::kLess) {
    const std::optional<int64_t> number =
        out.values.size() == 1 ? symbols.Number(out.values[0]) : std::nullopt;
    if (!number) {
      out.op = Op::kNever;
    } else {
      out.number = *number;
      out.symbols = &symbols;
    }
  }
  return out;
}

Selector SelectorOfMap(const json::Value& map, Symbols& symbols) {
  Selector out;
  for (const auto& [key, value] : map.members()) {
    Requirement requirement;
    requirement.key = symbols.Of(key);
    requirement.op = Requirement::Op::kIn;
    requirement.values = {symbols.Of(value.AsString())};
    out.all.push_back(std::move(requirement));
  }
  return out;
}

Selector SelectorOf(const json::Value* selector, Symbols& symbols) {
  if (selector == nullptr || selector->IsNull()) return {.nothing = true, .all = {}};
  Selector out = SelectorOfMap(selector->At({"matchLabels"}), symbols);
  for (const json::Value& expression : selector->At({"matchExpressions"}).items())
    out.all.push_back(RequirementOf(expression, symbols));
  return out;
}

}  // namespace keelson::scheduler::model
