// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/watch/selectors/field_selector.h"

#include <algorithm>

#include "lib/base/strings.h"

namespace keelson::watch::selectors {
namespace {

// Cut at the commas that no backslash stands before.
std::vector<std::string_view> Terms(std::string_view text) {
  std::vector<std::string_view> out;
  size_t begin = 0;
  for (size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && text[i] == '\\') {
      ++i;
      if (i < text.size()) continue;
    }
    if (i >= text.size() || text[i] == ',') {
      out.push_back(text.substr(begin, i - begin));
      begin = i + 1;
    }
  }
  return out;
}

base::Result<std::string> Unescape(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == ',' || c == '=') {
      return base::InvalidArgument("invalid field selector: unescaped character in value: {}",
                                   static_cast<int>(c));
    }
    if (c != '\\') {
      out += c;
      continue;
    }
    if (++i == text.size() || (text[i] != '\\' && text[i] != ',' && text[i] != '=')) {
      return base::InvalidArgument("invalid field selector: invalid escape sequence: {}",
                                   text.substr(i - 1, 2));
    }
    out += text[i];
  }
  return out;
}

std::string Escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == ',' || c == '=') out += '\\';
    out += c;
  }
  return out;
}

std::string TextOf(const FieldTerm& term) {
  return term.field + (term.equal ? "=" : "!=") + Escape(term.value);
}

}  // namespace

base::Result<FieldSelector> FieldSelector::Parse(std::string_view text) {
  FieldSelector out;
  std::vector<std::string_view> terms = Terms(text);
  std::sort(terms.begin(), terms.end());
  for (const std::string_view term : terms) {
    if (term.empty()) continue;
    size_t at = 0;
    while (at < term.size() && term[at] != '=' && !term.substr(at).starts_with("!=")) ++at;
    if (at == term.size()) {
      return base::InvalidArgument("invalid selector: '{}'; can't understand '{}'", text, term);
    }
    FieldTerm parsed;
    parsed.field = term.substr(0, at);
    parsed.equal = term[at] == '=';
    const bool two = !parsed.equal || term.substr(at).starts_with("==");
    ASSIGN_OR_RETURN(parsed.value, Unescape(term.substr(at + (two ? 2 : 1))));
    if (parsed.field.empty() && parsed.value.empty()) continue;  // says nothing
    out.terms_.push_back(std::move(parsed));
  }
  // "a==b" is "a=b": the same terms have the same order.
  std::sort(out.terms_.begin(), out.terms_.end(),
            [](const FieldTerm& a, const FieldTerm& b) { return TextOf(a) < TextOf(b); });
  return out;
}

const std::string* FieldSelector::Exact(std::string_view field) const {
  for (const FieldTerm& term : terms_) {
    if (term.equal && term.field == field) return &term.value;
  }
  return nullptr;
}

std::string FieldSelector::Format() const {
  std::vector<std::string> parts;
  for (const FieldTerm& term : terms_) {
    parts.push_back(TextOf(term));
  }
  return base::Join(parts, ",");
}

base::Error UnknownField(std::string_view field, bool own_list) {
  if (own_list) return base::InvalidArgument("field label not supported: {}", field);
  return base::InvalidArgument(
      "\"{}\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\"",
      field);
}

}  // namespace keelson::watch::selectors
