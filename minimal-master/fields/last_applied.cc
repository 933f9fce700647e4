// SPDX-License-Identifier: Apache-2.0
// The way from kubectl's client-side apply, which keeps what it applied in an annotation.
#include <algorithm>

#include "minimal-master/fields/apply.h"
#include "minimal-master/fields/merge.h"
#include "minimal-master/schema/decode.h"
#include "minimal-master/schema/json_text.h"

namespace keelson::fields {

using json::Value;

namespace {

constexpr size_t kMostAnnotations = 256 << 10;

// JSON as Go writes maps: keys sorted.
void AppendSorted(std::string& out, const Value& value) {
  if (value.IsArray()) {
    out += '[';
    for (size_t i = 0; i < value.items().size(); ++i) {
      if (i != 0) out += ',';
      AppendSorted(out, value.items()[i]);
    }
    out += ']';
  } else if (value.IsObject()) {
    std::vector<const Value::Member*> members;
    for (const Value::Member& member : value.members()) members.push_back(&member);
    std::sort(members.begin(), members.end(),
              [](const auto* a, const auto* b) { return a->first < b->first; });
    out += '{';
    for (const Value::Member* member : members) {
      if (member != members.front()) out += ',';
      schema::AppendQuoted(out, member->first);
      out += ':';
      AppendSorted(out, member->second);
    }
    out += '}';
  } else if (value.IsString()) {
    schema::AppendQuoted(out, value.AsString());
  } else {
    out += json::WriteJson(value);
  }
}

}  // namespace

std::optional<Set> LastAppliedFields(const Target& target, const Value& live) {
  const std::string& text = live.At({"metadata", "annotations", kLastApplied}).AsString();
  if (text.empty()) return std::nullopt;
  const base::Result<Value> config = schema::DecodeAny(text);
  if (!config.ok() || config->At({"apiVersion"}).AsString() != target.ApiVersion())
    return std::nullopt;
  const Spot spot{target.type};
  if (!ProblemsOf(*config, spot).empty()) return std::nullopt;
  const Change change = Compare(*config, live, Form::kWritten, spot);
  return Difference(Difference(Difference(SetOf(*config, spot), change.modified), change.added),
                    change.removed);
}

void SyncLastApplied(Value& object, const Value& config) {
  Value* metadata = object.Find("metadata");
  Value* annotations = metadata == nullptr ? nullptr : metadata->Find("annotations");
  if (annotations == nullptr || annotations->At({kLastApplied}).AsString().empty()) return;
  std::string text;
  AppendSorted(text, config);
  text += '\n';
  size_t size = 0;
  for (const auto& [key, value] : annotations->members()) {
    if (key != kLastApplied) size += key.size() + value.AsString().size();
  }
  if (size + sizeof(kLastApplied) + text.size() > kMostAnnotations)
    annotations->Erase(kLastApplied);
  else
    annotations->Set(kLastApplied, Value(text));
}

}  // namespace keelson::fields
