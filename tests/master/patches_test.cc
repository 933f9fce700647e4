// SPDX-License-Identifier: Apache-2.0
// Recorded patches against ours: what becomes of an object, or why not.
#include <gtest/gtest.h>

#include "lib/base/fake_clock.h"
#include "tests/master/known.h"
#include "tests/master/local_server.h"

namespace keelson::golden {
namespace {

using json::Value;

Request Make(std::string method, std::string path, const Value& body, std::string type) {
  Request request;
  request.method = std::move(method);
  request.path = std::move(path);
  request.content_type = std::move(type);
  if (!body.IsNull()) {
    request.has_body = true;
    request.body = body.IsString() ? body.AsString() : json::WriteJson(body);
  }
  return request;
}

// Only cases of server-side apply recorded who manages what.
Value Comparable(Value body, bool managers) {
  if (Value* metadata = body.Find("metadata"); metadata != nullptr && !managers)
    metadata->Erase("managedFields");
  return body;
}

std::string TargetOf(const std::string& path, const Value& patch) {
  std::string target = path;
  if (const std::string& sub = patch.At({"subresource"}).AsString(); !sub.empty())
    target += (sub.starts_with('/') ? "" : "/") + sub;
  if (const std::string& query = patch.At({"query"}).AsString(); !query.empty())
    target += (query.starts_with('?') ? "" : "?") + query;
  return target;
}

std::vector<std::string> Replay(LocalServer& server, const Value& recorded) {
  if (const Value& create = recorded.At({"create"}); create.IsObject()) {
    (void)server.Ask(
        Make("POST", create.At({"path"}).AsString(), create.At({"body"}), "application/json"));
  }
  const bool managers = recorded.At({"name"}).AsString().starts_with("ssa-");
  std::vector<Value> steps = recorded.At({"steps"}).items();
  if (steps.empty()) steps.push_back(recorded);
  std::vector<std::string> differences;
  for (const Value& step : steps) {
    const Value& patch = step.At({"patch"});
    const std::string& method = patch.At({"method"}).AsString();
    const Answer given = server.Ask(Make(method.empty() ? "PATCH" : method,
                                         TargetOf(recorded.At({"path"}).AsString(), patch),
                                         patch.At({"body"}), patch.At({"contentType"}).AsString()));
    const int64_t code = step.At({"after", "code"}).AsInt();
    if (given.code != code) {
      differences.push_back("answered " + std::to_string(given.code) + " for " +
                            std::to_string(code) + ": " + given.body.At({"message"}).AsString());
      continue;
    }
    for (std::string& difference :
         Differences(step.At({"after", "body"}), Comparable(given.body, managers)))
      differences.push_back(std::move(difference));
  }
  return differences;
}

TEST(Golden, PatchesAreUpstreams) {
  // Managers are sorted by the second of their write: it is the same for all.
  const base::ManualClock clock;
  LocalServer server({.clock = &clock, .history = {}});
  const Value& file = File("patches");
  for (const Request& request : ReadRequests(file.At({"prelude"}))) (void)server.Ask(request);
  std::vector<Outcome> outcomes;
  for (const Value& recorded : file.At({"cases"}).items())
    outcomes.push_back({recorded.At({"name"}).AsString(), Replay(server, recorded)});
  for (const std::string& problem : Judge("patches", outcomes)) ADD_FAILURE() << problem;
}

}  // namespace
}  // namespace keelson::golden
