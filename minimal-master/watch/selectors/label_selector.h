// SPDX-License-Identifier: Apache-2.0
// Label selectors: "a=b,c!=d,e in (x,y),f notin (z),g,!h,i>3,j<9". Grammar and refusals are
// upstream's (k8s.io/apimachinery/pkg/labels, 1.35), in its words. Pure values, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"

namespace keelson::watch::selectors {

struct LabelRequirement {
  enum class Operator { kIn, kNotIn, kEquals, kNotEquals, kExists, kNotExists, kGreater, kLess };
  std::string key;
  Operator op = Operator::kExists;
  std::vector<std::string> values;  // sorted, each once
};

class LabelSelector {
 public:
  LabelSelector() = default;  // matches everything
  explicit LabelSelector(std::vector<LabelRequirement> requirements)
      : requirements_(std::move(requirements)) {}
  static base::Result<LabelSelector> Parse(std::string_view text);

  bool empty() const { return requirements_.empty(); }
  const std::vector<LabelRequirement>& requirements() const { return requirements_; }
  // `labels` has FindLabel(key) → const std::string_view*, as watch::Object does.
  template <typename Labels>
  bool Matches(const Labels& labels) const {
    for (const LabelRequirement& requirement : requirements_) {
      if (!MatchesValue(requirement, labels.FindLabel(requirement.key))) return false;
    }
    return true;
  }
  // As upstream prints it.
  std::string Format() const;

 private:
  static bool MatchesValue(const LabelRequirement& requirement, const std::string_view* value);
  std::vector<LabelRequirement> requirements_;
};

// A requirement as objects spell it (matchLabels, matchExpressions) is checked by the same rules.
base::Status CheckRequirement(const LabelRequirement& requirement);

}  // namespace keelson::watch::selectors
