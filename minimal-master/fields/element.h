// SPDX-License-Identifier: Apache-2.0
// One step of a path into an object: a field, an item of a list by its keys, by its value or by its
// place; as FieldsV1 writes it ("f:name", `k:{"name":"c"}`, `v:"a"`, "i:0"). Plain data. Source:
// the API's notes on server-side apply, recorded answers in tests/data/golden/patches.json.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lib/base/result.h"
#include "lib/json/value.h"

namespace keelson::fields {

class Element {
 public:
  enum class Kind : uint8_t { kField, kKeys, kValue, kIndex };  // in the order of a written set

  static Element Field(std::string_view name) { return {Kind::kField, std::string(name)}; }
  // `keys`: an object; its members are sorted.
  static Element Keys(json::Value keys);
  static Element ByValue(const json::Value& value);
  static Element Index(size_t at) { return {Kind::kIndex, std::to_string(at)}; }
  // Nothing: of a kind that came later.
  static base::Result<std::optional<Element>> Parse(std::string_view text);

  Kind kind() const { return kind_; }
  bool IsField() const { return kind_ == Kind::kField; }
  // A field's name, else JSON.
  const std::string& text() const { return text_; }
  std::string Written() const;  // with its prefix
  bool IsWrittenAs(std::string_view text) const {
    return text.size() == text_.size() + 2 && text.ends_with(text_) && text[0] == Prefix() &&
           text[1] == ':';
  }
  // As messages show it: ".name", `[name="c"]`, `[="a"]`, "[0]".
  std::string Shown() const;

  // <0, 0, >0, in upstream's order: fields by name, keys and values by their JSON values.
  int Compare(const Element& other) const;
  friend bool operator==(const Element& a, const Element& b) {
    return a.kind_ == b.kind_ && a.text_ == b.text_;
  }

 private:
  char Prefix() const { return "fkvi"[static_cast<size_t>(kind_)]; }
  Element(Kind kind, std::string text) : kind_(kind), text_(std::move(text)) {}

  Kind kind_;
  std::string text_;
};

}  // namespace keelson::fields
