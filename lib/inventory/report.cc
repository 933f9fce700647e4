// SPDX-License-Identifier: Apache-2.0
#include "lib/inventory/report.h"

#include <algorithm>

namespace keelson::inventory {

using json::Value;

namespace {

void SetText(Value& object, const char* key, const std::string& text) {
  if (!text.empty()) object.Set(key, Value(text));
}

}  // namespace

Value ToJson(const Report& report) {
  Value items = Value::Array();
  for (const Item& item : report.items) {
    Value one = Value::Object({{"kind", Value(item.kind)}, {"thing", Value(item.thing)}});
    if (item.bytes != 0) one.Set("bytes", Value(static_cast<int64_t>(item.bytes)));
    SetText(one, "owner", item.owner);
    SetText(one, "problem", item.problem);
    SetText(one, "remedy", item.remedy);
    SetText(one, "refused", item.refused);
    if (item.mended) one.Set("mended", Value(true));
    items.Append(std::move(one));
  }
  Value pods = Value::Array();
  for (const Pod& pod : report.pods) {
    pods.Append(Value::Object({{"id", Value(pod.id)},
                               {"uid", Value(pod.uid)},
                               {"namespace", Value(pod.name_space)},
                               {"name", Value(pod.name)}}));
  }
  return Value::Object({{"component", Value(report.component)},
                        {"running", Value(report.runs)},
                        {"endpoint", Value(report.endpoint)},
                        {"items", std::move(items)},
                        {"pods", std::move(pods)}});
}

base::Result<Report> FromJson(std::string_view text) {
  ASSIGN_OR_RETURN(const Value document,
                   json::ParseJson(text, {.bytes = size_t{256} << 20, .values = 50'000'000}));
  if (!document.At({"items"}).IsArray() || !document.At({"component"}).IsString())
    return base::InvalidArgument("this is no inventory");
  Report report;
  report.component = document.At({"component"}).AsString();
  report.runs = document.At({"running"}).AsBool();
  report.endpoint = document.At({"endpoint"}).AsString();
  for (const Value& one : document.At({"items"}).items()) {
    report.items.push_back({.kind = one.At({"kind"}).AsString(),
                            .thing = one.At({"thing"}).AsString(),
                            .bytes = static_cast<uint64_t>(one.At({"bytes"}).AsInt()),
                            .owner = one.At({"owner"}).AsString(),
                            .problem = one.At({"problem"}).AsString(),
                            .remedy = one.At({"remedy"}).AsString(),
                            .refused = one.At({"refused"}).AsString(),
                            .mended = one.At({"mended"}).AsBool()});
  }
  for (const Value& one : document.At({"pods"}).items()) {
    report.pods.push_back({one.At({"id"}).AsString(), one.At({"uid"}).AsString(),
                           one.At({"namespace"}).AsString(), one.At({"name"}).AsString()});
  }
  return report;
}

bool HasProblem(const Report& report) {
  return std::any_of(report.items.begin(), report.items.end(),
                     [](const Item& item) { return !item.problem.empty() && !item.mended; });
}

}  // namespace keelson::inventory
