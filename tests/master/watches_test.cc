// SPDX-License-Identifier: Apache-2.0
// Watches and pages of lists as upstream's server gives them. Time moves when the test says so: a
// watch ends after its events have come.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <set>

#include "lib/base/fake_clock.h"
#include "lib/base/strings.h"
#include "tests/master/known.h"
#include "tests/master/local_server.h"

namespace keelson::golden {
namespace {

using json::Value;

constexpr std::chrono::minutes kPatience{1};

std::vector<Value> EventsOf(const std::string& text) {
  std::vector<Value> events;
  for (const std::string_view line : base::Split(text, '\n')) {
    if (line.empty()) continue;
    const auto event = json::ParseJson(line);
    events.push_back(event.ok() ? *event : Value(std::string(line)));
  }
  return events;
}

Value Names(const Value& object) {
  std::set<std::string> sorted;
  for (const auto& [name, value] : object.members()) sorted.insert(name);
  Value out = Value::Array();
  for (const std::string& name : sorted) out.Append(Value(name));
  return out;
}

// What was written down of an event, of one that came. Resource versions become ranks later.
Value Summary(const Value& recorded, const Value& event) {
  const Value& object = event.At({"object"});
  Value out;
  out.Set("type", event.At({"type"}));
  out.Set("kind", object.At({"kind"}));
  const auto take = [&](const char* name, const Value& value) {
    if (recorded.Find(name) != nullptr || !value.IsNull()) out.Set(name, value);
  };
  if (object.At({"kind"}).AsString() == "Status") {
    out.Set("object", object);
    return out;
  }
  if (object.At({"kind"}).AsString() == "Table") {
    out.Set("columnDefinitions", Value(!object.At({"columnDefinitions"}).items().empty()));
    Value rows = Value::Array();
    for (const Value& row : object.At({"rows"}).items())
      rows.Append(row.At({"object", "metadata", "name"}));
    out.Set("rows", rows);
    return out;
  }
  const Value& metadata = object.At({"metadata"});
  if (event.At({"type"}).AsString() == "BOOKMARK") {
    out.Set("annotations", metadata.At({"annotations"}));
    out.Set("fields", Names(object));
    out.Set("metadataFields", Names(metadata));
    return out;
  }
  out.Set("name", metadata.At({"name"}));
  take("labels", metadata.At({"labels"}));
  take("generation", metadata.At({"generation"}));
  if (object.At({"kind"}).AsString() == "ConfigMap") take("data", object.At({"data"}));
  if (object.At({"kind"}).AsString() == "Pod") take("phase", object.At({"status", "phase"}));
  if (!metadata.At({"deletionTimestamp"}).IsNull()) {
    out.Set("deletionTimestamp", Value(true));
    out.Set("gracePeriod", metadata.At({"deletionGracePeriodSeconds"}));
  }
  return out;
}

class WatchesTest : public testing::Test {
 protected:
  Answer Send(const char* method, const std::string& path, const Value& body = Value()) {
    Value request = Value::Object();
    request.Set("method", Value(method));
    request.Set("path", Value(path));
    request.Set("body", body);
    return server_.Ask(ReadRequest(request));
  }
  Answer Get(const std::string& path) { return Send("GET", path); }
  std::string Revision() {
    return Get("/api/v1/namespaces/w/configmaps?limit=1")
        .body.At({"metadata", "resourceVersion"})
        .AsString();
  }
  void Make(const std::string& ns, const std::string& name, const Value& labels,
            const Value& data = Value()) {
    Value object;
    object.Set("apiVersion", Value("v1"));
    object.Set("kind", Value("ConfigMap"));
    Value metadata;
    metadata.Set("name", Value(name));
    if (!labels.IsNull()) metadata.Set("labels", labels);
    object.Set("metadata", metadata);
    if (!data.IsNull()) object.Set("data", data);
    ASSERT_EQ(Send("POST", "/api/v1/namespaces/" + ns + "/configmaps", object).code, 201) << name;
  }
  static Value Map(const char* key, const char* value) {
    Value out;
    out.Set(key, Value(value));
    return out;
  }
  // More events than the server keeps in memory.
  void ForgetWhatWas() {
    const watch::Cache& cache = server_.engine().cache();
    const watch::Revision was = cache.revision();
    for (int i = 0; i < 40; ++i) {
      Make("default", fmt::format("filler-{}", i), Value());
      (void)Send("DELETE", fmt::format("/api/v1/namespaces/default/configmaps/filler-{}", i));
    }
    clock_.Advance(std::chrono::minutes(10));
    // An event goes with the first write after it was handed out to those who watch.
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (cache.oldest() < was && std::chrono::steady_clock::now() < deadline)
      Make("default", fmt::format("filler-{}", ++fillers_), Value());
    EXPECT_GE(cache.oldest(), was);
  }
  std::vector<std::string> Compare(const Value& recorded);
  std::vector<std::string> ComparePage(const Value& recorded);

  base::ManualClock clock_;
  LocalServer server_{
      LocalServer::Options{&clock_, {.age = std::chrono::seconds(90), .min_events = 20}}};
  std::string beginning_;  // the revision before the first watch
  int fillers_ = 100;
  // Of pages.
  std::string first_revision_;
  std::string first_token_;
  std::string token_;     // of the last page
  std::string refusals_;  // what a refusal offers instead
};

// How many events must have come before time may move: all but a last periodic bookmark.
size_t Awaited(const std::vector<Value>& recorded) {
  size_t count = recorded.size();
  while (count > 0 && recorded[count - 1].At({"type"}).AsString() == "BOOKMARK" &&
         recorded[count - 1].At({"annotations"}).IsNull())
    --count;
  return count;
}

std::vector<std::string> CompareEvents(const std::vector<Value>& recorded,
                                       const std::vector<Value>& given) {
  std::vector<std::string> out;
  std::vector<std::pair<int64_t, std::string>> ranks;
  std::string last_revision;
  // The last periodic bookmark may be missing or come twice.
  const size_t sure = Awaited(recorded);
  for (size_t i = 0; i < std::max(sure, given.size()); ++i) {
    if (i >= given.size()) {
      out.push_back(fmt::format("event {} has not come", i));
      break;
    }
    const bool periodic = given[i].At({"type"}).AsString() == "BOOKMARK" && i >= sure;
    if (i >= recorded.size()) {
      if (!periodic) out.push_back("one more: " + json::WriteJson(given[i]));
      continue;
    }
    Value wanted = recorded[i];
    const Value* rank = wanted.Find("rvRank");
    const std::string revision = given[i].At({"object", "metadata", "resourceVersion"}).AsString();
    if (rank != nullptr) ranks.emplace_back(rank->AsInt(), revision);
    wanted.Erase("rvRank");
    // What was asked for is a number of the recording's.
    if (Value* object = wanted.Find("object");
        object != nullptr && object->At({"code"}).AsInt() == 410)
      object->Set("message", Value("too old resource version: <rv> (<rv>)"));
    for (const std::string& each : Differences(wanted, Summary(wanted, given[i])))
      out.push_back(fmt::format("event {}{}", i, each));
  }
  for (size_t i = 1; i < ranks.size(); ++i) {
    // Others' writes move a periodic bookmark on.
    const bool same = ranks[i].first == ranks[i - 1].first || i >= sure;
    const auto before = base::ParseInt64(ranks[i - 1].second);
    const auto after = base::ParseInt64(ranks[i].second);
    if (!before || !after || (same ? *before > *after : *before >= *after))
      out.push_back(
          fmt::format("event {}: revision {} after {}", i, ranks[i].second, ranks[i - 1].second));
  }
  return out;
}

std::vector<std::string> WatchesTest::Compare(const Value& recorded) {
  const std::string& name = recorded.At({"name"}).AsString();
  if (name == "deletecollection")
    for (const char* each : {"dc0", "dc1", "dc2"}) Make("w", each, Map("dc", "1"));
  if (name == "rv-compacted") ForgetWhatWas();
  Request request;
  request.method = "GET";
  request.path = recorded.At({"path"}).AsString();
  const bool earlier = name == "rv-earlier-replays" || name == "rv-compacted";
  if (const size_t at = request.path.find("<rv>"); at != std::string::npos)
    request.path.replace(at, 4, earlier ? beginning_ : Revision());
  if (name == "table-watch") request.accept = "application/json;as=Table;v=v1;g=meta.k8s.io";
  if (name == "partial-metadata-watch")
    request.accept = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io";
  if (const Value* plain = recorded.Find("plainObjectAnswered")) {
    Answer answer = server_.Ask(request);
    if (Value* metadata = answer.body.Find("metadata")) metadata->Erase("managedFields");
    return Differences(*plain, answer.body);
  }
  std::vector<std::string> out;
  const std::shared_ptr<LocalWatch> watch = server_.Watch(request);
  for (const Request& action : ReadRequests(recorded.At({"actionsAfterOpen"}))) {
    const Answer answer = server_.Ask(action);
    if (answer.code >= 300)
      out.push_back(fmt::format("{} {}: {} {}", action.method, action.path, answer.code,
                                answer.body.At({"message"}).AsString()));
  }
  const std::vector<Value>& wanted = recorded.At({"events"}).items();
  watch->WaitForText(
      [&](const std::string& text) { return EventsOf(text).size() >= Awaited(wanted); }, kPatience);
  clock_.Advance(std::chrono::seconds(recorded.At({"closedAfterSeconds"}).AsInt() + 1));
  watch->WaitForEnd();
  if (watch->code() != recorded.At({"code"}).AsInt())
    out.push_back(fmt::format("answered {}", watch->code()));
  for (std::string& each : CompareEvents(wanted, EventsOf(watch->text())))
    out.push_back(std::move(each));
  return out;
}

TEST_F(WatchesTest, AreUpstreams) {
  for (const Request& request : ReadRequests(File("watch").At({"prelude"})))
    (void)server_.Ask(request);
  Make("w", "a", Map("x", "1"), Map("k", "0"));
  Make("w", "b", Map("x", "2"));
  Make("w", "z", Value());
  beginning_ = Revision();
  std::vector<Outcome> outcomes;
  for (const Value& recorded : File("watch").At({"watches"}).items()) {
    outcomes.push_back({recorded.At({"name"}).AsString(), Compare(recorded)});
  }
  for (const std::string& problem : Judge("watches", outcomes)) ADD_FAILURE() << problem;
}

std::string TokenForm(const std::string& token, const std::string& revision) {
  std::string standard = token;
  for (char& c : standard) c = c == '-' ? '+' : c == '_' ? '/' : c;
  standard.append((4 - standard.size() % 4) % 4, '=');
  const auto bytes = base::Base64Decode(standard);
  std::string text = bytes ? *bytes : "";
  const std::string shown = "\"rv\":" + revision + ",";
  if (const size_t at = text.find(shown); at != std::string::npos)
    text.replace(at, shown.size(), "\"rv\":<rv>,");
  return text;
}

std::vector<std::string> WatchesTest::ComparePage(const Value& recorded) {
  std::vector<std::string> out;
  std::string query = recorded.At({"query"}).AsString();
  const std::string& note = recorded.At({"note"}).AsString();
  const auto put = [&query](const std::string& mark, const std::string& text) {
    if (const size_t at = query.find(mark); at != std::string::npos)
      query.replace(at, mark.size(), text);
  };
  // Which token is meant the notes tell.
  const bool of_refusal = note.starts_with("inconsistent");
  const bool of_first = note.starts_with("continue with") || note.starts_with("after etcd") ||
                        note.starts_with("expired");
  put("<continue>", of_refusal ? refusals_ : of_first ? first_token_ : token_);
  put("<rv of first page>", first_revision_);
  const Answer given = Get("/api/v1/namespaces/pg/configmaps?" + query);
  if (given.code != recorded.At({"code"}).AsInt())
    return {fmt::format("answered {}: {}", given.code, given.body.At({"message"}).AsString())};
  if (given.code != 200) {
    refusals_ = given.body.At({"metadata", "continue"}).AsString();
    return Differences(recorded.At({"status"}), given.body);
  }
  Value names = Value::Array();
  for (const Value& item : given.body.At({"items"}).items())
    names.Append(item.At({"metadata", "name"}));
  out = Differences(recorded.At({"items"}), names);
  const Value& metadata = given.body.At({"metadata"});
  const std::string token = metadata.At({"continue"}).AsString();
  const std::string& revision = metadata.At({"resourceVersion"}).AsString();
  if (token.empty() == recorded.At({"hasContinue"}).AsBool()) out.push_back("continue: " + token);
  if (!(recorded.At({"remainingItemCount"}) == metadata.At({"remainingItemCount"})))
    out.push_back("remains " + json::WriteJson(metadata.At({"remainingItemCount"})));
  if (first_revision_.empty()) {
    first_revision_ = revision;
    first_token_ = token;
    const std::string& form = File("watch").At({"paging", "continueTokenForm"}).AsString();
    if (TokenForm(token, revision) != form) out.push_back(TokenForm(token, revision));
  }
  if ((recorded.At({"rv"}).AsString() == "first page") != (revision == first_revision_))
    out.push_back("of revision " + revision);
  token_ = token;
  return out;
}

TEST_F(WatchesTest, PagesAreUpstreams) {
  for (const Request& request : ReadRequests(File("watch").At({"prelude"})))
    (void)server_.Ask(request);
  for (int i = 0; i < 7; ++i) Make("pg", fmt::format("i{}", i), Map("par", i % 2 == 0 ? "0" : "1"));
  std::vector<Outcome> outcomes;
  for (const Value& recorded : File("watch").At({"paging", "pages"}).items()) {
    const std::string& note = recorded.At({"note"}).AsString();
    if (note.starts_with("i25 created")) {
      Make("pg", "i25", Map("par", "1"));
      (void)Send("DELETE", "/api/v1/namespaces/pg/configmaps/i5");
    }
    if (note.starts_with("expired")) ForgetWhatWas();
    outcomes.push_back({fmt::format("{} {}", outcomes.size(), recorded.At({"query"}).AsString()),
                        ComparePage(recorded)});
  }
  for (const std::string& problem : Judge("pages", outcomes)) ADD_FAILURE() << problem;
}

}  // namespace
}  // namespace keelson::golden
