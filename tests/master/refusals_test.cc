// SPDX-License-Identifier: Apache-2.0
// Recorded refusals of upstream's API server against ours: code, reason and the fields of the
// causes with their reasons count. How many messages are the same to the letter is printed.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <map>

#include "lib/base/strings.h"
#include "tests/master/known.h"
#include "tests/master/local_server.h"

namespace keelson::golden {
namespace {

using json::Value;

// "FieldValueInvalid spec.replicas", sorted: the order of causes is that of upstream's code and of
// maps.
std::vector<std::string> CausesOf(const Value& status) {
  std::vector<std::string> out;
  for (const Value& cause : status.At({"details", "causes"}).items())
    out.push_back(cause.At({"reason"}).AsString() + " " + cause.At({"field"}).AsString());
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<std::string> Missing(const std::vector<std::string>& from,
                                 const std::vector<std::string>& in) {
  std::vector<std::string> out;
  std::set_difference(from.begin(), from.end(), in.begin(), in.end(), std::back_inserter(out));
  return out;
}

std::vector<std::string> Compare(int code, const Value& status, const Answer& given) {
  const std::string said = given.body.At({"message"}).AsString();
  const std::string& wanted = status.At({"message"}).AsString();
  if (code != given.code)
    return {fmt::format("answered {} for {}: {} FOR {}", given.code, code, said, wanted)};
  if (code < 400 || !status.IsObject()) return {};
  std::vector<std::string> differences;
  if (const std::string& reason = status.At({"reason"}).AsString();
      reason != given.body.At({"reason"}).AsString())
    differences.push_back(fmt::format("{} for {}", given.body.At({"reason"}).AsString(), reason));
  const std::vector<std::string> theirs = CausesOf(status);
  const std::vector<std::string> ours = CausesOf(given.body);
  for (const std::string& cause : Missing(theirs, ours)) differences.push_back("lacks " + cause);
  for (const std::string& cause : Missing(ours, theirs)) differences.push_back("has " + cause);
  if (!differences.empty()) differences.push_back(fmt::format("{} FOR {}", said, wanted));
  return differences;
}

// Names of the mutations are those of places; the second at a place is "… #2".
class Names {
 public:
  std::string Unique(const std::string& name) {
    const int count = ++seen_[name];
    return count == 1 ? name : fmt::format("{} #{}", name, count);
  }

 private:
  std::map<std::string, int> seen_;
};

class Words {
 public:
  void Count(int code, const Value& status, const Answer& given) {
    if (code < 400 || !status.IsObject()) return;
    ++all_;
    if (Matches(status.At({"message"}).AsString(), given.body.At({"message"}).AsString())) ++same_;
  }
  void Print(const char* file) const {
    std::printf("%s: %zu of %zu messages to the letter\n", file, same_, all_);
  }

 private:
  size_t all_ = 0;
  size_t same_ = 0;
};

Request Sending(const char* method, const std::string& path, const Value& body) {
  Value request = Value::Object();
  request.Set("method", Value(method));
  request.Set("path", Value(path));
  request.Set("body", body);
  return ReadRequest(request);
}

TEST(Golden, RefusalsAreUpstreams) {
  LocalServer server;
  for (const Request& request : Prelude("errors")) (void)server.Ask(request);
  std::vector<Outcome> outcomes;
  Words words;
  Names names;
  for (const Case& recorded : Cases("errors")) {
    if (recorded.request.path.find("watch=") != std::string::npos) continue;  // watch.json's
    for (const Request& request : recorded.setup) (void)server.Ask(request);
    const Answer given = server.Ask(recorded.request);
    words.Count(recorded.answer.code, recorded.answer.body, given);
    outcomes.push_back(
        {names.Unique(recorded.name), Compare(recorded.answer.code, recorded.answer.body, given)});
  }
  words.Print("errors");
  for (const std::string& problem : Judge("errors", outcomes)) ADD_FAILURE() << problem;
}

// Of subresources that write one part of a pod, of health checks, timeouts and impersonation: what
// is granted is compared whole.
TEST(Golden, PartsAreUpstreams) {
  LocalServer server;
  for (const Request& request : Prelude("parts")) (void)server.Ask(request);
  std::vector<Outcome> outcomes;
  Words words;
  for (const Case& recorded : Cases("parts")) {
    const Answer given = server.Ask(recorded.request);
    words.Count(recorded.answer.code, recorded.answer.body, given);
    Outcome outcome{recorded.name, Compare(recorded.answer.code, recorded.answer.body, given)};
    if (outcome.differences.empty() && recorded.answer.code < 300 &&
        recorded.answer.body.IsObject()) {
      Value body = given.body;
      if (Value* metadata = body.Find("metadata")) metadata->Erase("managedFields");
      outcome.differences = Differences(recorded.answer.body, body);
    }
    outcomes.push_back(std::move(outcome));
  }
  words.Print("parts");
  for (const std::string& problem : Judge("parts", outcomes)) ADD_FAILURE() << problem;
}

TEST(Golden, RefusedChangesAreUpstreams) {
  LocalServer fresh;
  LocalServer with_base;
  for (const Request& request : Prelude("errors")) {
    (void)fresh.Ask(request);
    (void)with_base.Ask(request);
  }
  std::string base;
  std::string object;  // the base's path
  std::vector<Outcome> outcomes;
  Words words;
  Names names;
  for (const Mutation& mutation : Mutations()) {
    if (mutation.code == 0) continue;
    if (mutation.base != base) {
      if (!base.empty()) (void)with_base.Ask(Sending("DELETE", object, Value()));
      (void)with_base.Ask(Sending("POST", mutation.path, mutation.base_body));
      base = mutation.base;
      object = mutation.path + "/" + mutation.base_body.At({"metadata", "name"}).AsString();
    }
    const Answer given =
        mutation.update ? with_base.Ask(Sending("PUT", object + "?dryRun=All", mutation.body))
                        : fresh.Ask(Sending("POST", mutation.path + "?dryRun=All", mutation.body));
    words.Count(mutation.code, mutation.status, given);
    outcomes.push_back(
        {names.Unique(mutation.name), Compare(mutation.code, mutation.status, given)});
  }
  words.Print("mutations");
  for (const std::string& problem : Judge("mutations", outcomes)) ADD_FAILURE() << problem;
}

}  // namespace
}  // namespace keelson::golden
