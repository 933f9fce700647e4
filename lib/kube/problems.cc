// SPDX-License-Identifier: Apache-2.0
#include "lib/kube/problems.h"

#include "lib/base/strings.h"
#include "lib/json/text.h"

namespace keelson::kube {
namespace {

const json::Value kNull;

// A document's own keys stand in paths: no line feed of theirs may look like another problem, nor
// reach a terminal.
std::string Printable(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f) {
      out += c;
    } else {
      out += fmt::format("\\x{:02x}", byte);
    }
  }
  return out;
}

// A value of megabytes is not repeated whole.
std::string_view Shortened(std::string_view value, size_t most = 1024) {
  if (value.size() <= most) return value;
  size_t end = most;
  while (end > 0 && (static_cast<unsigned char>(value[end]) & 0xC0) == 0x80) --end;
  return value.substr(0, end);
}

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
    out.push_back(Field(&item, fmt::format("{}[{}]", path_, out.size()), key_,
                        item.line() != 0 ? item.line() : line_));
  }
  return out;
}

std::vector<Field> Field::Entries() const {
  std::vector<Field> out;
  out.reserve(value_->members().size());
  for (const auto& [key, value] : value_->members()) {
    out.push_back(Field(&value, fmt::format("{}[{}]", path_, key), key,
                        value.line() != 0 ? value.line() : line_));
  }
  return out;
}

Field Field::WithPath(std::string path) const {
  return Field(value_, std::move(path), key_, line_);
}

std::string Shown(const json::Value& value) {
  if (value.IsNull()) return "null";
  return value.IsString() ? json::Quote(value.AsString()) : json::WriteJson(value);
}

void Problems::AddBare(int line, std::string_view what) {
  if (++count_ <= kMostLines)
    lines_.push_back(fmt::format("line {}: {}", line, Printable(Shortened(what, 4096))));
}
void Problems::Add(const Field& at, std::string_view what) {
  AddBare(at.line(), fmt::format("{}: {}", at.path(), what));
}

void Problems::Required(const Field& at, std::string_view why) {
  Add(at, why.empty() ? "Required value" : fmt::format("Required value: {}", why));
}
void Problems::Invalid(const Field& at, std::string_view value, std::string_view why) {
  Add(at, fmt::format("Invalid value: {}: {}", Shortened(value), why));
}
void Problems::Invalid(const Field& at, std::string_view why) {
  Invalid(at, Shown(at.value()), why);
}
void Problems::InvalidText(const Field& at, std::string_view text, std::string_view why) {
  Invalid(at, json::Quote(text), why);
}
void Problems::InvalidText(const Field& at, std::string_view text,
                           const std::vector<std::string>& whys) {
  for (const std::string& why : whys) InvalidText(at, text, why);
}
void Problems::Invalid(const Field& at, const std::vector<std::string>& whys) {
  for (const std::string& why : whys) Invalid(at, why);
}
void Problems::Duplicate(const Field& at, std::string_view value) {
  Add(at, fmt::format("Duplicate value: {}", value));
}
void Problems::Duplicate(const Field& at) { Duplicate(at, Shown(at.value())); }
void Problems::NotFound(const Field& at, std::string_view value) {
  Add(at, fmt::format("Not found: {}", json::Quote(value)));
}
void Problems::Forbidden(const Field& at, std::string_view why) {
  Add(at, fmt::format("Forbidden: {}", why));
}

void Problems::NotSupported(const Field& at, std::string_view value,
                            std::vector<std::string> supported) {
  for (std::string& s : supported) s = json::Quote(s);
  Add(at, fmt::format("Unsupported value: {}: supported values: {}", json::Quote(value),
                      base::Join(supported, ", ")));
}

void Problems::TooMany(const Field& at, size_t count, size_t most) {
  Add(at, fmt::format("Too many: {}: must have at most {} {}", count, most,
                      most == 1 ? "item" : "items"));
}

void Problems::TooLong(const Field& at, size_t most) {
  Add(at, fmt::format("Too long: may not be more than {} bytes", most));
}

base::Error Problems::ToError() const {
  std::string text = base::Join(lines_, "\n");
  if (count_ > lines_.size())
    text += fmt::format("\n{}: and {} more problems",
                        lines_.back().substr(0, lines_.back().find(':')), count_ - lines_.size());
  return base::Error(base::Code::kInvalidArgument, std::move(text));
}

}  // namespace keelson::kube
