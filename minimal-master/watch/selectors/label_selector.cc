// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/watch/selectors/label_selector.h"

#include <algorithm>
#include <optional>

#include "lib/base/strings.h"
#include "lib/kube/names.h"

namespace keelson::watch::selectors {
namespace {

using base::Error;
using Operator = LabelRequirement::Operator;

constexpr std::string_view kSymbols = "=!(),><";
constexpr std::string_view kSpace = " \t\r\n";

// An item of the text: a word, one of the symbols below, or the end ("").
struct Item {
  std::string_view text;
  bool word = false;
};

class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text.substr(0, text.find('\0'))) { Advance(); }
  const Item& next() const { return next_; }
  Item Take() {
    Item taken = next_;
    Advance();
    return taken;
  }
  bool IsWord() const { return next_.word; }
  bool Is(std::string_view symbol) const { return !next_.word && next_.text == symbol; }
  bool AtEnd() const { return Is(""); }

 private:
  void Advance() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(kSpace), rest_.size()));
    size_t size = 0;
    next_ = {};
    if (!rest_.empty() && kSymbols.find(rest_[0]) == std::string_view::npos) {
      next_.word = true;
      size = std::min(rest_.find_first_of("=!(),>< \t\r\n"), rest_.size());
    } else if (!rest_.empty()) {
      // The longest that means something: "!" and "!=", "=" and "==", the others alone.
      size = (rest_.starts_with("!=") || rest_.starts_with("==")) ? 2 : 1;
    }
    next_.text = rest_.substr(0, size);
    rest_.remove_prefix(size);
  }

  std::string_view rest_;
  Item next_;
};

Error Found(const Item& item, std::string_view expected) {
  return base::InvalidArgument("found '{}'{}", item.text, expected);
}

// Of a requirement's wrong values, each a sentence many times as long.
constexpr size_t kMostTold = 16;

std::optional<int64_t> ParseInteger(std::string_view text) {
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return std::nullopt;
  }
  return base::ParseInt64(text);
}

base::Status CheckKey(std::string_view path, std::string_view key) {
  const auto complaints = kube::CheckQualifiedName(key);
  if (complaints.empty()) return base::Ok();
  return base::InvalidArgument("{}: Invalid value: \"{}\": {}", path, key,
                               base::Join(complaints, "; "));
}

base::Result<std::vector<std::string>> ParseValues(Scanner& scanner) {
  if (!scanner.Is("(")) return Found(scanner.Take(), " expected: '('");
  scanner.Take();
  std::vector<std::string> values;
  const Item first = scanner.next();
  if (scanner.Is(")")) {
    scanner.Take();
    return std::vector<std::string>{""};
  }
  if (!scanner.IsWord() && !scanner.Is(",")) {
    return Found(first, ", expected: ',', ')' or identifier");
  }
  // Words between commas; nothing between two of them, or beside a parenthesis, is the empty value.
  for (;;) {
    if (scanner.IsWord()) {
      values.emplace_back(scanner.Take().text);
      if (scanner.Is(")")) break;
      if (!scanner.Is(",")) return Found(scanner.next(), ", expected: ',' or ')'");
    } else if (scanner.Is(",")) {
      scanner.Take();
      if (values.empty()) values.emplace_back();
      if (scanner.Is(")")) {
        values.emplace_back();
        break;
      }
      if (scanner.Is(",")) values.emplace_back();
    } else {
      return Found(scanner.next(), ", expected: ',', or identifier");
    }
  }
  scanner.Take();
  return values;
}

base::Result<LabelRequirement> ParseRequirement(Scanner& scanner) {
  LabelRequirement out;
  const bool negated = scanner.Is("!");
  if (negated) scanner.Take();
  if (!scanner.IsWord()) return Found(scanner.next(), ", expected: identifier");
  out.key = scanner.Take().text;
  RETURN_IF_ERROR(CheckKey("<nil>", out.key));
  const bool last = scanner.AtEnd() || scanner.Is(",");
  if (last || negated) {
    out.op = negated ? Operator::kNotExists : Operator::kExists;
    return out;
  }
  static constexpr std::pair<std::string_view, Operator> kOperators[] = {
      {"in", Operator::kIn},     {"notin", Operator::kNotIn},  {"=", Operator::kEquals},
      {"==", Operator::kEquals}, {"!=", Operator::kNotEquals}, {">", Operator::kGreater},
      {"<", Operator::kLess}};
  const Item symbol = scanner.Take();
  const auto* found = std::find_if(std::begin(kOperators), std::end(kOperators),
                                   [&](const auto& known) { return known.first == symbol.text; });
  if (found == std::end(kOperators)) {
    return Found(symbol, ", expected: in, notin, =, ==, !=, gt, lt");
  }
  out.op = found->second;
  if (out.op == Operator::kIn || out.op == Operator::kNotIn) {
    ASSIGN_OR_RETURN(out.values, ParseValues(scanner));
  } else if (scanner.AtEnd() || scanner.Is(",")) {
    out.values = {""};
  } else if (scanner.IsWord()) {
    out.values = {std::string(scanner.Take().text)};
  } else {
    return Found(scanner.next(), ", expected: identifier");
  }
  std::sort(out.values.begin(), out.values.end());
  out.values.erase(std::unique(out.values.begin(), out.values.end()), out.values.end());
  RETURN_IF_ERROR(CheckRequirement(out));
  return out;
}

}  // namespace

base::Status CheckRequirement(const LabelRequirement& requirement) {
  RETURN_IF_ERROR(CheckKey("key", requirement.key));
  std::vector<std::string> wrong;
  for (size_t i = 0; i < requirement.values.size(); ++i) {
    const std::string& value = requirement.values[i];
    if ((requirement.op == Operator::kGreater || requirement.op == Operator::kLess) &&
        !ParseInteger(value)) {
      wrong.push_back(
          fmt::format("values[{}]: Invalid value: \"{}\": for 'Gt', 'Lt' operators, the value must "
                      "be an integer",
                      i, value));
    }
  }
  for (size_t i = 0; i < requirement.values.size(); ++i) {
    const std::string& value = requirement.values[i];
    const auto complaints = kube::CheckLabelValue(value);
    if (complaints.empty()) continue;
    wrong.push_back(fmt::format("values[{}][{}]: Invalid value: \"{}\": {}", i, requirement.key,
                                value, base::Join(complaints, "; ")));
  }
  if (wrong.empty()) return base::Ok();
  if (wrong.size() == 1) return base::InvalidArgument("{}", wrong[0]);
  if (wrong.size() > kMostTold) {
    const size_t more = wrong.size() - kMostTold;
    wrong.resize(kMostTold);
    wrong.push_back(fmt::format("and {} more", more));
  }
  return base::InvalidArgument("[{}]", base::Join(wrong, ", "));
}

base::Result<LabelSelector> LabelSelector::Parse(std::string_view text) {
  Scanner scanner(text);
  std::vector<LabelRequirement> requirements;
  if (!scanner.AtEnd() && !scanner.IsWord() && !scanner.Is("!")) {
    return Found(scanner.next(), ", expected: !, identifier, or 'end of string'");
  }
  while (!scanner.AtEnd()) {
    auto requirement = ParseRequirement(scanner);
    if (!requirement.ok()) return requirement.error().WithContext("unable to parse requirement");
    requirements.push_back(std::move(*requirement));
    const Item item = scanner.Take();
    if (!item.word && item.text.empty()) break;
    if (item.word || item.text != ",") return Found(item, ", expected: ',' or 'end of string'");
    if (!scanner.IsWord() && !scanner.Is("!")) {
      return Found(scanner.next(), ", expected: identifier after ','");
    }
  }
  std::stable_sort(requirements.begin(), requirements.end(),
                   [](const auto& a, const auto& b) { return a.key < b.key; });
  return LabelSelector(std::move(requirements));
}

bool LabelSelector::MatchesValue(const LabelRequirement& requirement,
                                 const std::string_view* value) {
  const auto listed = [&] {
    return std::find(requirement.values.begin(), requirement.values.end(), *value) !=
           requirement.values.end();
  };
  switch (requirement.op) {
    case Operator::kIn:
    case Operator::kEquals:
      return value != nullptr && listed();
    case Operator::kNotIn:
    case Operator::kNotEquals:
      return value == nullptr || !listed();
    case Operator::kExists:
      return value != nullptr;
    case Operator::kNotExists:
      return value == nullptr;
    case Operator::kGreater:
    case Operator::kLess: {
      if (value == nullptr || requirement.values.size() != 1) return false;
      const auto is = ParseInteger(*value);
      const auto bound = ParseInteger(requirement.values[0]);
      if (!is || !bound) return false;
      return requirement.op == Operator::kGreater ? *is > *bound : *is < *bound;
    }
  }
  return false;
}

std::string LabelSelector::Format() const {
  std::vector<std::string> parts;
  for (const LabelRequirement& requirement : requirements_) {
    const std::string values = base::Join(requirement.values, ",");
    switch (requirement.op) {
      case Operator::kIn:
        parts.push_back(requirement.key + " in (" + values + ")");
        break;
      case Operator::kNotIn:
        parts.push_back(requirement.key + " notin (" + values + ")");
        break;
      case Operator::kEquals:
        parts.push_back(requirement.key + "=" + values);
        break;
      case Operator::kNotEquals:
        parts.push_back(requirement.key + "!=" + values);
        break;
      case Operator::kExists:
        parts.push_back(requirement.key);
        break;
      case Operator::kNotExists:
        parts.push_back("!" + requirement.key);
        break;
      case Operator::kGreater:
        parts.push_back(requirement.key + ">" + values);
        break;
      case Operator::kLess:
        parts.push_back(requirement.key + "<" + values);
        break;
    }
  }
  return base::Join(parts, ",");
}

}  // namespace keelson::watch::selectors
