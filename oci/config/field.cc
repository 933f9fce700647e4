// SPDX-License-Identifier: Apache-2.0
#include "oci/config/field.h"

namespace keelson::oci {

using base::Result;
using base::Status;

std::optional<Field> Field::Find(std::string_view name) const {
  const json::Value* found = value_->Find(name);
  if (found == nullptr || found->IsNull()) return std::nullopt;
  return Field(*found, path_.empty() ? std::string(name) : fmt::format("{}.{}", path_, name));
}

Result<Field> Field::Need(std::string_view name) const {
  if (std::optional<Field> found = Find(name)) return *std::move(found);
  return Bad("{} is missing", name);
}

Status Field::IsObject() const {
  if (!value_->IsObject()) return Bad("must be an object");
  return base::Ok();
}

Result<std::vector<Field>> Field::Items() const {
  if (!value_->IsArray()) return Bad("must be a list");
  std::vector<Field> items;
  for (const json::Value& item : value_->items())
    items.emplace_back(item, fmt::format("{}[{}]", path_, items.size()));
  return items;
}

Result<std::vector<std::pair<std::string, Field>>> Field::Members() const {
  RETURN_IF_ERROR(IsObject());
  std::vector<std::pair<std::string, Field>> out;
  for (const auto& [name, member] : value_->members())
    out.emplace_back(name, Field(member, fmt::format("{}.{}", path_, name)));
  return out;
}

Result<std::string> Field::String() const {
  if (!value_->IsString()) return Bad("must be a string");
  if (value_->AsString().find('\0') != std::string::npos)
    return Bad("must not hold a NUL character");
  return value_->AsString();
}

Result<std::vector<std::string>> Field::Strings() const {
  ASSIGN_OR_RETURN(const std::vector<Field> items, Items());
  std::vector<std::string> out;
  for (const Field& item : items) {
    ASSIGN_OR_RETURN(out.emplace_back(), item.String());
  }
  return out;
}

Result<bool> Field::Bool() const {
  if (!value_->IsBool()) return Bad("must be true or false");
  return value_->AsBool();
}

Result<int64_t> Field::Int(int64_t least, int64_t most) const {
  if (!value_->IsInt()) return Bad("must be a whole number");
  const int64_t number = value_->AsInt();
  if (number < least || number > most)
    return Bad("must be from {} to {}, it is {}", least, most, number);
  return number;
}

Result<uint32_t> Field::Uint32() const {
  ASSIGN_OR_RETURN(const int64_t number, Int(0, UINT32_MAX));
  return static_cast<uint32_t>(number);
}

Status Field::Read(std::string_view name, std::string& out) const {
  if (const std::optional<Field> field = Find(name)) {
    ASSIGN_OR_RETURN(out, field->String());
  }
  return base::Ok();
}

Status Field::Read(std::string_view name, bool& out) const {
  if (const std::optional<Field> field = Find(name)) {
    ASSIGN_OR_RETURN(out, field->Bool());
  }
  return base::Ok();
}

Status Field::Read(std::string_view name, std::optional<bool>& out) const {
  if (const std::optional<Field> field = Find(name)) {
    ASSIGN_OR_RETURN(out, field->Bool());
  }
  return base::Ok();
}

Status Field::Read(std::string_view name, std::vector<std::string>& out) const {
  if (const std::optional<Field> field = Find(name)) {
    ASSIGN_OR_RETURN(out, field->Strings());
  }
  return base::Ok();
}

Status Field::Read(std::string_view name,
                   std::vector<std::pair<std::string, std::string>>& out) const {
  const std::optional<Field> field = Find(name);
  if (!field) return base::Ok();
  ASSIGN_OR_RETURN(const auto members, field->Members());
  for (const auto& [key, member] : members) {
    if (key.empty()) return field->Bad("a name must not be empty");
    ASSIGN_OR_RETURN(std::string text, member.String());
    out.emplace_back(key, std::move(text));
  }
  return base::Ok();
}

Status Field::Read(std::string_view name, std::optional<int64_t>& out, int64_t least,
                   int64_t most) const {
  if (const std::optional<Field> field = Find(name)) {
    ASSIGN_OR_RETURN(out, field->Int(least, most));
  }
  return base::Ok();
}

Status Field::Read(std::string_view name, uint32_t& out) const {
  if (const std::optional<Field> field = Find(name)) {
    ASSIGN_OR_RETURN(out, field->Uint32());
  }
  return base::Ok();
}

}  // namespace keelson::oci
