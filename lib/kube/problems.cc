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

std::string_view ReasonOf(ProblemKind kind) {
  switch (kind) {
    case ProblemKind::kRequired:
      return "FieldValueRequired";
    case ProblemKind::kInvalid:
      return "FieldValueInvalid";
    case ProblemKind::kDuplicate:
      return "FieldValueDuplicate";
    case ProblemKind::kNotFound:
      return "FieldValueNotFound";
    case ProblemKind::kForbidden:
      return "FieldValueForbidden";
    case ProblemKind::kNotSupported:
      return "FieldValueNotSupported";
    case ProblemKind::kTooLong:
      return "FieldValueTooLong";
    case ProblemKind::kTooMany:
      return "FieldValueTooMany";
    case ProblemKind::kUnknown:
      return "";
  }
  return "";
}

void Problems::Keep(Problem problem) {
  if (++count_ <= kMost) list_.push_back(std::move(problem));
}
void Problems::AddBare(int line, std::string_view what) {
  Keep({ProblemKind::kUnknown, "", Printable(Shortened(what, 4096)), line});
}
void Problems::Add(const Field& at, std::string_view what, ProblemKind kind) {
  Keep({kind, Printable(at.path()), Printable(Shortened(what, 4096)), at.line()});
}

void Problems::Required(const Field& at, std::string_view why) {
  Add(at, why.empty() ? "Required value" : fmt::format("Required value: {}", why),
      ProblemKind::kRequired);
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
  Add(at, fmt::format("Duplicate value: {}", value), ProblemKind::kDuplicate);
}
void Problems::Duplicate(const Field& at) { Duplicate(at, Shown(at.value())); }
void Problems::NotFound(const Field& at, std::string_view value) {
  Add(at, fmt::format("Not found: {}", json::Quote(value)), ProblemKind::kNotFound);
}
void Problems::Forbidden(const Field& at, std::string_view why) {
  Add(at, fmt::format("Forbidden: {}", why), ProblemKind::kForbidden);
}

void Problems::NotSupported(const Field& at, std::string_view value,
                            std::vector<std::string> supported) {
  for (std::string& s : supported) s = json::Quote(s);
  Add(at,
      fmt::format("Unsupported value: {}: supported values: {}", json::Quote(value),
                  base::Join(supported, ", ")),
      ProblemKind::kNotSupported);
}

void Problems::TooMany(const Field& at, size_t count, size_t most) {
  Add(at,
      fmt::format("Too many: {}: must have at most {} {}", count, most,
                  most == 1 ? "item" : "items"),
      ProblemKind::kTooMany);
}

void Problems::TooLong(const Field& at, size_t most) {
  Add(at, fmt::format("Too long: may not be more than {} bytes", most), ProblemKind::kTooLong);
}

base::Error Problems::ToError() const {
  std::vector<std::string> lines;
  for (const Problem& problem : list_) {
    lines.push_back(fmt::format("line {}: {}{}{}", problem.line, problem.field,
                                problem.field.empty() ? "" : ": ", problem.what));
  }
  if (count_ > list_.size())
    lines.push_back(
        fmt::format("line {}: and {} more problems", list_.back().line, count_ - list_.size()));
  return base::Error(base::Code::kInvalidArgument, base::Join(lines, "\n"));
}

}  // namespace keelson::kube
