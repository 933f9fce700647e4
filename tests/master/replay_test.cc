// SPDX-License-Identifier: Apache-2.0
// Recorded answers of upstream's API server against ours: what it fills in, and what it shows.
#include <gtest/gtest.h>

#include <ctime>
#include <set>

#include "lib/base/strings.h"
#include "tests/master/known.h"
#include "tests/master/local_server.h"

namespace keelson::golden {
namespace {

using json::Value;

void Send(LocalServer& server, const std::vector<Request>& requests) {
  for (const Request& request : requests) (void)server.Ask(request);
}

// managedFields were left out of the recording.
Value Comparable(Value body) {
  if (Value* metadata = body.Find("metadata")) metadata->Erase("managedFields");
  return body;
}

std::vector<std::string> Compare(const Answer& recorded, const Answer& given) {
  if (recorded.code != given.code)
    return {"answered " + std::to_string(given.code) + " for " + std::to_string(recorded.code) +
            ": " + given.body.At({"message"}).AsString()};
  std::vector<std::string> differences = Differences(recorded.body, Comparable(given.body));
  if (recorded.warnings.size() != given.warnings.size())
    differences.push_back(std::to_string(given.warnings.size()) + " warnings for " +
                          std::to_string(recorded.warnings.size()));
  return differences;
}

Request Posting(const std::string& path, const std::string& body) {
  Request request;
  request.method = "POST";
  request.path = path;
  request.body = body;
  request.has_body = true;
  return request;
}

// What some cases build on and the recording does not hold.
void MakeWhatIsMissing(LocalServer& server, const std::string& ns) {
  Send(server,
       {Posting("/apis/batch/v1/namespaces/" + ns + "/jobs",
                R"({"apiVersion":"batch/v1","kind":"Job","metadata":{"name":"job-par"},"spec":{
                "parallelism":3,"template":{"spec":{"restartPolicy":"Never","containers":[
                {"name":"c","image":"i"}]}}}})"),
        Posting("/apis/events.k8s.io/v1/namespaces/" + ns + "/events",
                R"({"apiVersion":"events.k8s.io/v1","kind":"Event","metadata":{"name":"ev-v1"},
                "eventTime":"2026-01-01T00:00:00.000000Z","action":"A","reason":"R","type":"Normal",
                "reportingController":"a.b/c","reportingInstance":"x","regarding":{"kind":"Pod",
                "name":"x","namespace":"d"}})")});
}

TEST(Golden, DefaultsAreUpstreams) {
  LocalServer server;
  Send(server, Prelude("defaults"));
  MakeWhatIsMissing(server, "d");
  std::vector<Outcome> outcomes;
  for (const Case& recorded : Cases("defaults")) {
    Send(server, recorded.setup);
    outcomes.push_back({recorded.name, Compare(recorded.answer, server.Ask(recorded.request))});
  }
  for (const std::string& problem : Judge("defaults", outcomes)) ADD_FAILURE() << problem;
}

// One was there when the later cases of tables were recorded.
Request DefaultClass() {
  return Posting("/apis/storage.k8s.io/v1/storageclasses",
                 R"({"apiVersion":"storage.k8s.io/v1","kind":"StorageClass","metadata":{"name":
                 "sc-default","annotations":{"storageclass.kubernetes.io/is-default-class":"true"}},
                 "provisioner":"p"})");
}

// "<now-600>" in what was sent: a time that long ago. The one fixed time that an answer counts from
// was 324 days and a half ago when it was recorded.
std::string AtThisTime(std::string text) {
  constexpr std::string_view kFixed = "2026-01-01T00:00:00.000000Z";
  for (size_t at = text.find(kFixed); at != std::string::npos; at = text.find(kFixed))
    text.replace(at, kFixed.size(), "<now-28036800u>");
  constexpr std::string_view kMark = "<now-";
  for (size_t at = text.find(kMark); at != std::string::npos; at = text.find(kMark)) {
    const size_t end = text.find('>', at);
    std::string number = text.substr(at + kMark.size(), end - at - kMark.size());
    const bool micro = number.ends_with('u');
    if (micro) number.pop_back();
    const std::time_t then = std::time(nullptr) - *base::ParseInt64(number);
    std::tm utc{};
    gmtime_r(&then, &utc);
    char out[40];
    std::strftime(out, sizeof out, micro ? "%Y-%m-%dT%H:%M:%S.000000Z" : "%Y-%m-%dT%H:%M:%SZ",
                  &utc);
    text.replace(at, end - at + 1, out);
  }
  return text;
}

TEST(Golden, TablesAreUpstreams) {
  LocalServer server;
  const Value& file = File("tables");
  Send(server, ReadRequests(file.At({"prelude"})));
  std::vector<Outcome> outcomes;
  for (const Value& recorded : file.At({"cases"}).items()) {
    Outcome outcome{recorded.At({"name"}).AsString(), {}};
    if (outcome.name.starts_with("def-")) Send(server, {DefaultClass()});
    std::string path;
    std::string name;
    for (Request request : ReadRequests(recorded.At({"input"}))) {
      request.body = AtThisTime(request.body);
      if (path.empty()) {
        path = request.path.substr(0, request.path.find('?'));
        name = request.value.At({"metadata", "name"}).AsString();
      }
      (void)server.Ask(request);
    }
    Request get;
    get.method = "GET";
    get.path = path + "/" + name;
    get.accept = "application/json;as=Table;v=v1;g=meta.k8s.io";
    const Answer answer = server.Ask(get);
    if (answer.code != 200 || answer.body.At({"rows"}).items().empty()) {
      outcome.differences.push_back("answered " + std::to_string(answer.code) + ": " +
                                    answer.body.At({"message"}).AsString());
    } else {
      const Value& row = answer.body.At({"rows"}).items()[0];
      outcome.differences = Differences(recorded.At({"cells"}), row.At({"cells"}));
    }
    outcomes.push_back(std::move(outcome));
  }
  for (const std::string& problem : Judge("tables", outcomes)) ADD_FAILURE() << problem;
}

}  // namespace
}  // namespace keelson::golden
