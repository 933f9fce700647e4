// SPDX-License-Identifier: Apache-2.0
#include "lib/kube/problems.h"

#include "lib/base/strings.h"
#include "lib/json/text.h"

namespace keelson::kube {
namespace {
const json::Value kNull;
}  // namespace

Field Field::operator[](std::string_view name) const {
  const json::Value* value = value_->Find(name);
  std::string path = path_.empty() ? std::string(name) : path_ + "." + std::string(name);
  const int line = value != nullptr && value->line() != 0 ? value->line() : line_;
  return Field(value != nullptr ? value : &kNull, std::move(path), std::string(name), line);
}

Field Field::Entry(std::string_view key) const {
  Field field = (*this)[key];
  field.path_ = fmt::format("{}[{}]", path_, key);
  return field;
}

std::vector<Field> Field::Items() const {
  std::vector<Field> out;
  out.reserve(value_->items().size());
  for (const json::Value& item : value_->items()) {
    out.push_back(Field(&item, fmt::format("{}[{}]", path_, out.size()), key_, item.line() != 0 ? item.line() : line_));
  }
  return out;
}

std::vector<Field> Field::Entries() const {
  std::vector<Field> out;
  out.reserve(value_->members().size());
  for (const auto& [key, value] : value_->members()) {
    out.push_back(Field(&value, fmt::format("{}[{}]", path_, key), key, value.line() != 0 ? value.line() : line_));
  }
  return out;
}

Field Field::WithPath(std::string path) const { return Field(value_, std::move(path), key_, line_); }

std::string Shown(const json::Value& value) {
  if (value.IsNull()) return "null";
  return value.IsString() ? json::Quote(value.AsString()) : json::WriteJson(value);
}

void Problems::AddBare(int line, std::string_view what) { lines_.push_back(fmt::format("line {}: {}", line, what)); }
void Problems::Add(const Field& at, std::string_view what) { AddBare(at.line(), fmt::format("{}: {}", at.path(), what)); }

void Problems::Required(const Field& at, std::string_view why) {
  Add(at, why.empty() ? "Required value" : fmt::format("Required value: {}", why));
}
void Problems::Invalid(const Field& at, std::string_view value, std::string_view why) {
  Add(at, fmt::format("Invalid value: {}: {}", value, why));
}
void Problems::Invalid(const Field& at, std::string_view why) { Invalid(at, Shown(at.value()), why); }
void Problems::InvalidText(const Field& at, std::string_view text, std::string_view why) { Invalid(at, json::Quote(text), why); }
void Problems::InvalidText(const Field& at, std::string_view text, const std::vector<std::string>& whys) {
  for (const std::string& why : whys) InvalidText(at, text, why);
}
void Problems::Invalid(const Field& at, const std::vector<std::string>& whys) {
  for (const std::string& why : whys) Invalid(at, why);
}
void Problems::Duplicate(const Field& at, std::string_view value) { Add(at, fmt::format("Duplicate value: {}", value)); }
void Problems::Duplicate(const Field& at) { Duplicate(at, Shown(at.value())); }
void Problems::NotFound(const Field& at, std::string_view value) { Add(at, fmt::format("Not found: {}", json::Quote(value))); }
void Problems::Forbidden(const Field& at, std::string_view why) { Add(at, fmt::format("Forbidden: {}", why)); }

void Problems::NotSupported(const Field& at, std::string_view value, std::vector<std::string> supported) {
  for (std::string& s : supported) s = json::Quote(s);
  Add(at, fmt::format("Unsupported value: {}: supported values: {}", json::Quote(value), base::Join(supported, ", ")));
}

void Problems::TooMany(const Field& at, size_t count, size_t most) {
  Add(at, fmt::format("Too many: {}: must have at most {} {}", count, most, most == 1 ? "item" : "items"));
}

void Problems::TooLong(const Field& at, size_t most) { Add(at, fmt::format("Too long: may not be more than {} bytes", most)); }

base::Error Problems::ToError() const { return base::Error(base::Code::kInvalidArgument, base::Join(lines_, "\n")); }

}  // namespace keelson::kube
