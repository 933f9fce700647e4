// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/pods/selector.h"

#include <algorithm>

namespace keelson::pods {
namespace {

using watch::selectors::LabelRequirement;
using watch::selectors::LabelSelector;

void AddLabels(const json::Value& labels, std::vector<LabelRequirement>& out) {
  for (const auto& [key, value] : labels.members()) {
    out.push_back({key, LabelRequirement::Operator::kEquals, {value.AsString()}});
  }
}

}  // namespace

std::optional<LabelSelector> UnlessEmpty(LabelSelector selector) {
  return selector.empty() ? std::nullopt : std::optional(std::move(selector));
}

LabelSelector SelectorOfLabels(const json::Value& labels) {
  std::vector<LabelRequirement> out;
  AddLabels(labels, out);
  return LabelSelector(std::move(out));
}

LabelSelector SelectorOf(const json::Value& selector) {
  using Operator = LabelRequirement::Operator;
  std::vector<LabelRequirement> out;
  AddLabels(selector.At({"matchLabels"}), out);
  for (const json::Value& expression : selector.At({"matchExpressions"}).items()) {
    const std::string& op = expression.At({"operator"}).AsString();
    LabelRequirement requirement;
    requirement.key = expression.At({"key"}).AsString();
    requirement.op = op == "In"       ? Operator::kIn
                     : op == "NotIn"  ? Operator::kNotIn
                     : op == "Exists" ? Operator::kExists
                                      : Operator::kNotExists;
    for (const json::Value& value : expression.At({"values"}).items()) {
      requirement.values.push_back(value.AsString());
    }
    std::sort(requirement.values.begin(), requirement.values.end());
    out.push_back(std::move(requirement));
  }
  return LabelSelector(std::move(out));
}

}  // namespace keelson::pods
