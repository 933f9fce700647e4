// SPDX-License-Identifier: Apache-2.0
// What becomes of an object that a client sends once its body is read: defaults, the server's own
// fields, rules, the form in which it is stored, rows of a table. Whatever the object is, nothing
// breaks, defaults are filled in once, and what is stored has one text.
#include <string>
#include <string_view>

#include "minimal-master/conversion/conversion.h"
#include "minimal-master/defaults/defaults.h"
#include "minimal-master/schema/canonical.h"
#include "minimal-master/schema/decode.h"
#include "minimal-master/schema/resources.h"
#include "minimal-master/strategy/strategy.h"
#include "minimal-master/table/table.h"
#include "minimal-master/validation/validation.h"
#include "tests/fuzz/require.h"

namespace {

using keelson::fuzz::Require;
using keelson::fuzz::RequireSentence;
using keelson::json::Value;
using namespace keelson;

constexpr char kTime[] = "2026-01-02T03:04:05Z";

void CheckProblems(const std::vector<kube::Problem>& problems) {
  for (const kube::Problem& problem : problems) RequireSentence(problem.what);
}

void CheckObject(const schema::ObjectKind& id, const schema::Type& type, Value object) {
  defaults::Apply(id.group, id.version, id.kind, object);
  const std::string once = WriteCanonical(object, type);
  defaults::Apply(id.group, id.version, id.kind, object);
  Require(WriteCanonical(object, type) == once, "defaults of defaults", once);
  const strategy::Kind kind{id.group, id.kind};
  strategy::Normalize(kind, object);
  const Value old = object;
  strategy::PrepareCreate(kind, object, kTime);
  CheckProblems(validation::OfCreate(id.group, id.kind, object));
  Value changed = object;
  strategy::PrepareUpdate(kind, changed, object);
  CheckProblems(validation::OfUpdate(id.group, id.kind, "", changed, object));
  CheckProblems(validation::OfUpdate(id.group, id.kind, "status", old, object));
  const Value stored = conversion::ToStored(id.group, id.version, id.kind, object);
  const Value shown = conversion::FromStored(id.group, id.version, id.kind, stored);
  const std::string written = WriteCanonical(shown, type);
  const auto again = schema::Decode(written, type, schema::Media::kJson);
  Require(again.ok(), "what is shown cannot be read", written);
  const auto* resource = schema::FindResourceOfKind(id.group, id.version, id.kind);
  const table::Row row = table::RowOf(id.group, id.kind, shown, 1'800'000'000'000'000'000);
  if (resource != nullptr && !resource->columns().empty())
    Require(row.cells.size() == resource->columns().size(), "cells of other columns", written);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto id = schema::ReadKind(text, schema::Media::kYaml);
  if (!id.ok()) return 0;
  const schema::Type* type = schema::Find(id->group, id->version, id->kind);
  if (type == nullptr || schema::FindResourceOfKind(id->group, id->version, id->kind) == nullptr)
    return 0;
  const auto decoded = schema::Decode(text, *type, schema::Media::kYaml);
  if (decoded.ok()) CheckObject(*id, *type, decoded->value);
  return 0;
}
