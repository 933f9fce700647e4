// SPDX-License-Identifier: Apache-2.0
// Changes as the recording made them, and the comparison that knows placeholders.
#include <fmt/core.h>

#include <algorithm>
#include <cstdlib>

#include "tests/master/golden.h"

namespace keelson::golden {
namespace {

std::vector<std::string> PointerParts(std::string_view pointer) {
  std::vector<std::string> parts;
  while (!pointer.empty()) {
    pointer.remove_prefix(1);
    std::string part;
    while (!pointer.empty() && pointer.front() != '/') {
      if (pointer.starts_with("~1") || pointer.starts_with("~0")) {
        part += pointer[1] == '1' ? '/' : '~';
        pointer.remove_prefix(2);
      } else {
        part += pointer.front();
        pointer.remove_prefix(1);
      }
    }
    parts.push_back(std::move(part));
  }
  return parts;
}

// What a placeholder may stand for: any text without a quote or a line's end.
bool MatchesFrom(std::string_view recorded, std::string_view actual) {
  while (true) {
    const size_t open = recorded.find('<');
    const size_t close = open == std::string_view::npos ? open : recorded.find('>', open);
    if (close == std::string_view::npos) return recorded == actual;
    const std::string_view word = recorded.substr(open + 1, close - open - 1);
    const bool placeholder = !word.empty() && std::all_of(word.begin(), word.end(), [](char c) {
      return std::isalnum(static_cast<unsigned char>(c)) || c == '-';
    });
    const size_t literal = placeholder ? open : close + 1;
    if (actual.size() < literal || actual.substr(0, literal) != recorded.substr(0, literal))
      return false;
    actual.remove_prefix(literal);
    recorded.remove_prefix(placeholder ? close + 1 : literal);
    if (!placeholder) continue;
    if (recorded.empty()) return true;
    for (size_t skip = 0; skip <= actual.size(); ++skip) {
      if (MatchesFrom(recorded, actual.substr(skip))) return true;
    }
    return false;
  }
}

std::string Show(const json::Value& value) {
  std::string text = json::WriteJson(value);
  if (text.size() > 400) text = text.substr(0, 400) + "…";
  return text;
}

void Compare(const std::string& path, const json::Value& recorded, const json::Value& actual,
             std::vector<std::string>& out) {
  if (recorded.IsString() && actual.IsString()) {
    if (!Matches(recorded.AsString(), actual.AsString()))
      out.push_back(fmt::format("{}: {} instead of {}", path, Show(actual), Show(recorded)));
    return;
  }
  // A port that the server chose is a number.
  if (recorded.IsString() && actual.IsInt() && recorded.AsString().starts_with('<') &&
      Matches(recorded.AsString(), std::to_string(actual.AsInt())))
    return;
  if (recorded.IsObject() && actual.IsObject()) {
    for (const auto& [key, value] : recorded.members()) {
      const json::Value* other = actual.Find(key);
      if (other == nullptr) {
        out.push_back(fmt::format("{}.{}: missing, recorded {}", path, key, Show(value)));
      } else {
        Compare(path + "." + key, value, *other, out);
      }
    }
    for (const auto& [key, value] : actual.members()) {
      if (recorded.Find(key) == nullptr)
        out.push_back(fmt::format("{}.{}: {}, not recorded", path, key, Show(value)));
    }
    return;
  }
  if (recorded.IsArray() && actual.IsArray() && recorded.items().size() == actual.items().size()) {
    for (size_t i = 0; i < recorded.items().size(); ++i)
      Compare(fmt::format("{}[{}]", path, i), recorded.items()[i], actual.items()[i], out);
    return;
  }
  if (!(recorded == actual))
    out.push_back(fmt::format("{}: {} instead of {}", path, Show(actual), Show(recorded)));
}

}  // namespace

bool ApplyOperation(json::Value& target, const json::Value& operation) {
  const std::vector<std::string> parts = PointerParts(operation.At({"path"}).AsString());
  const std::string& op = operation.At({"op"}).AsString();
  json::Value* at = &target;
  if (parts.empty()) {
    if (op != "replace") return false;
    target = operation.At({"value"});
    return true;
  }
  for (size_t i = 0; i + 1 < parts.size(); ++i) {
    if (at->IsArray()) {
      const size_t index = std::strtoul(parts[i].c_str(), nullptr, 10);
      if (index >= at->items().size()) return false;
      at = &at->items()[index];
    } else {
      at = at->Find(parts[i]);
    }
    if (at == nullptr) return false;
  }
  const std::string& last = parts.back();
  if (at->IsArray()) {
    auto& items = at->items();
    const size_t index = last == "-" ? items.size() : std::strtoul(last.c_str(), nullptr, 10);
    const auto place = items.begin() + static_cast<std::ptrdiff_t>(std::min(index, items.size()));
    if (op == "add") {
      items.insert(place, operation.At({"value"}));
    } else if (index >= items.size()) {
      return false;
    } else if (op == "remove") {
      items.erase(place);
    } else {
      *place = operation.At({"value"});
    }
    return true;
  }
  if (op == "remove") {
    at->Erase(last);
  } else {
    at->Set(last, operation.At({"value"}));
  }
  return true;
}

bool Matches(std::string_view recorded, std::string_view actual) {
  return recorded == actual || MatchesFrom(recorded, actual);
}

std::vector<std::string> Differences(const json::Value& recorded, const json::Value& actual) {
  std::vector<std::string> out;
  Compare("", recorded, actual, out);
  return out;
}

}  // namespace keelson::golden
