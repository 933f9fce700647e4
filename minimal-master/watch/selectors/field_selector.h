// SPDX-License-Identifier: Apache-2.0
// Field selectors: "metadata.name=x,spec.nodeName!=y", with '\' before ',', '=' and '\' in values.
// Grammar and refusals are upstream's (k8s.io/apimachinery/pkg/fields, 1.35), in its words; which
// fields a resource knows is the caller's. Pure values, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"

namespace keelson::watch::selectors {

struct FieldTerm {
  std::string field;
  std::string value;
  bool equal = true;  // or not equal
  bool Holds(std::string_view is) const { return (is == value) == equal; }
};

class FieldSelector {
 public:
  FieldSelector() = default;  // matches everything
  static base::Result<FieldSelector> Parse(std::string_view text);

  bool empty() const { return terms_.empty(); }
  const std::vector<FieldTerm>& terms() const { return terms_; }
  // `value(field)` says what an object has there.
  template <typename Value>
  bool Matches(const Value& value) const {
    for (const FieldTerm& term : terms_) {
      if (!term.Holds(value(std::string_view(term.field)))) return false;
    }
    return true;
  }
  // The one value that `field` must have, or null.
  const std::string* Exact(std::string_view field) const;
  std::string Format() const;

 private:
  std::vector<FieldTerm> terms_;  // by what they print as
};

// In its words, for a field that a resource does not know: the sentence of those kinds that only
// know their name, or with a kind's own list of fields.
base::Error UnknownField(std::string_view field, bool own_list);

}  // namespace keelson::watch::selectors
