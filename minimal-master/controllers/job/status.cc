// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/job/progress.h"

namespace keelson::job {
namespace {

using json::Value;

std::vector<std::string> Texts(const Value& list) {
  std::vector<std::string> out;
  for (const Value& item : list.items()) out.push_back(item.AsString());
  return out;
}

Value ListOf(const std::vector<std::string>& texts) {
  Value out = Value::Array();
  for (const std::string& text : texts) out.Append(Value(text));
  return out;
}

}  // namespace

Status ReadStatus(const Value& job) {
  const Value& status = job.At({"status"});
  Status out;
  out.conditions = status.At({"conditions"}).items();
  out.start_time = status.At({"startTime"});
  out.completion_time = status.At({"completionTime"});
  out.active = status.At({"active"}).AsInt();
  out.succeeded = status.At({"succeeded"}).AsInt();
  out.failed = status.At({"failed"}).AsInt();
  out.ending = pods::MaybeInt(status.At({"terminating"}));
  out.completed_indexes = status.At({"completedIndexes"});
  out.failed_indexes = status.At({"failedIndexes"});
  const Value& uncounted = status.At({"uncountedTerminatedPods"});
  out.has_uncounted = !uncounted.IsNull();
  out.uncounted_succeeded = Texts(uncounted.At({"succeeded"}));
  out.uncounted_failed = Texts(uncounted.At({"failed"}));
  out.ready = pods::MaybeInt(status.At({"ready"}));
  return out;
}

Value ToJson(const Status& status) {
  Value out = Value::Object();
  const auto number = [&](std::string_view name, int64_t value) {
    if (value != 0) out.Set(name, Value(value));
  };
  const auto given = [&](std::string_view name, const Value& value) {
    if (!value.IsNull()) out.Set(name, value);
  };
  if (!status.conditions.empty()) out.Set("conditions", Value::Array(status.conditions));
  given("startTime", status.start_time);
  given("completionTime", status.completion_time);
  number("active", status.active);
  number("succeeded", status.succeeded);
  number("failed", status.failed);
  if (status.ending) out.Set("terminating", Value(*status.ending));
  if (!status.completed_indexes.AsString().empty()) {
    out.Set("completedIndexes", status.completed_indexes);
  }
  given("failedIndexes", status.failed_indexes);
  if (status.has_uncounted) {
    Value uncounted = Value::Object();
    if (!status.uncounted_succeeded.empty()) {
      uncounted.Set("succeeded", ListOf(status.uncounted_succeeded));
    }
    if (!status.uncounted_failed.empty()) {
      uncounted.Set("failed", ListOf(status.uncounted_failed));
    }
    out.Set("uncountedTerminatedPods", std::move(uncounted));
  }
  if (status.ready) out.Set("ready", Value(*status.ready));
  return out;
}

}  // namespace keelson::job
