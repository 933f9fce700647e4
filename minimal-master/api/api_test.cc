// SPDX-License-Identifier: Apache-2.0
// The pure parts: paths, places in the store, revisions inside bytes, tokens of pages. Everything
// else is replayed against recorded answers (tests/master).
#include <gtest/gtest.h>

#include "minimal-master/api/options.h"
#include "minimal-master/api/paging.h"
#include "minimal-master/api/reader.h"
#include "minimal-master/api/route.h"
#include "minimal-master/api/selectable.h"
#include "minimal-master/storage/storage.h"

namespace keelson::api {
namespace {

Route RouteFor(const char* method, const char* target) {
  service::Request request;
  request.method = method;
  request.target = target;
  EXPECT_TRUE(service::ParseTarget(request));
  return RouteOf(request);
}

TEST(Routes, NameResourcesAndWhatCanBeDoneThere) {
  struct Case {
    const char* method;
    const char* target;
    const char* verb;
    bool served;
    bool allowed;
  };
  const Case cases[] = {
      {"GET", "/api/v1/pods", "list", true, true},
      {"GET", "/api/v1/namespaces/a/pods?watch=1", "watch", true, true},
      {"POST", "/api/v1/pods", "create", true, false},
      {"GET", "/api/v1/namespaces/a/pods/x/status", "get", true, true},
      {"POST", "/api/v1/namespaces/a/pods/x/status", "create", true, false},
      {"GET", "/api/v1/namespaces/a/pods/x/nope", "get", false, false},
      {"GET", "/api/v1/namespaces/a/nodes", "list", false, false},
      {"GET", "/api/v1/namespaces/a", "get", true, true},
      {"PUT", "/api/v1/namespaces/a/status", "update", true, true},
      {"PUT", "/api/v1/namespaces/a/configmaps", "update", true, false},
      {"POST", "/api/v1/namespaces/a/configmaps/x", "create", true, false},
      {"HEAD", "/api/v1/namespaces/a/configmaps", "list", true, false},
      {"GET", "/apis/apps/v9/deployments", "list", false, false},
      {"GET", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", "list", true, false},
  };
  for (const Case& c : cases) {
    const Route route = RouteFor(c.method, c.target);
    EXPECT_EQ(route.verb, c.verb) << c.target;
    EXPECT_EQ(route.served != nullptr, c.served) << c.target;
    EXPECT_EQ(route.allowed, c.allowed) << c.method << ' ' << c.target;
  }
}

TEST(Timeouts, AreGosDurations) {
  struct Case {
    const char* text;
    int64_t nanos;
    std::string problem;
  };
  const Case cases[] = {
      {"", 0, ""},
      {"32s", 32'000'000'000, ""},
      {"1h2m3.5s", 3'723'500'000'000, ""},
      {"0", 0, ""},
      {"-1.5ms", -1'500'000, ""},
      {"abc", 0, "time: invalid duration \"abc\""},
      {"5", 0, "time: missing unit in duration \"5\""},
      {"5x", 0, "time: unknown unit \"x\" in duration \"5x\""},
      {"5s5", 0, "time: missing unit in duration \"5s5\""},
      {".s", 0, "time: invalid duration \".s\""},
      {"99999999999999h", 0, "time: invalid duration \"99999999999999h\""},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    const auto read = ReadTimeout({{"timeout", c.text}});
    ASSERT_EQ(read.ok(), c.problem.empty());
    if (read.ok()) {
      EXPECT_NEAR(static_cast<double>(read->count()), static_cast<double>(c.nanos), 1);
    } else {
      EXPECT_EQ(read.failure().message,
                "invalid timeout specified in the request URL - " + c.problem);
    }
  }
}

TEST(Storage, KeysAreUpstreamsAndLeadBack) {
  const struct {
    const char* group;
    const char* version;
    const char* resource;
    const char* key;
  } cases[] = {
      {"", "v1", "pods", "/registry/pods/a/x"},
      {"", "v1", "nodes", "/registry/minions/x"},
      {"", "v1", "services", "/registry/services/specs/a/x"},
      {"", "v1", "endpoints", "/registry/services/endpoints/a/x"},
      {"apps", "v1", "deployments", "/registry/deployments/a/x"},
      {"networking.k8s.io", "v1", "ingresses", "/registry/ingress/a/x"},
      {"events.k8s.io", "v1", "events", "/registry/events/a/x"},
      {"autoscaling", "v1", "horizontalpodautoscalers", "/registry/horizontalpodautoscalers/a/x"},
  };
  for (const auto& c : cases) {
    const schema::Resource* resource = schema::FindResource(c.group, c.version, c.resource);
    ASSERT_NE(resource, nullptr) << c.resource;
    EXPECT_EQ(storage::KeyOf(*resource, "a", "x"), c.key);
    EXPECT_EQ(storage::ResourceOfKey(c.key), &storage::StoredAs(*resource)) << c.key;
  }
  EXPECT_EQ(storage::ResourceOfKey("/registry/nope/x"), nullptr);
  EXPECT_EQ(storage::ResourceOfKey("/"), nullptr);
}

TEST(Revisions, StandWhereUpstreamWritesThem) {
  EXPECT_EQ(WithRevision(R"({"kind":"A","metadata":{"name":"n","uid":"u","labels":{}}})", 7),
            R"({"kind":"A","metadata":{"name":"n","uid":"u","resourceVersion":"7","labels":{}}})");
  EXPECT_EQ(WithRevision(R"({"metadata":{"name":"n\"}"},"spec":{}})", 7),
            R"({"metadata":{"name":"n\"}","resourceVersion":"7"},"spec":{}})");
  EXPECT_EQ(WithRevision(R"({"metadata":{"generation":1}})", 7),
            R"({"metadata":{"resourceVersion":"7","generation":1}})");
  EXPECT_EQ(WithRevision(R"({"metadata":{}})", 7), R"({"metadata":{"resourceVersion":"7"}})");
  EXPECT_EQ(WithRevision("{}", 7), "{}");
}

TEST(Revisions, OfTheDepartedAreThoseOfTheirEnd) {
  watch::Contents contents;
  contents.name = "n";
  contents.bytes = store::Bytes::Copy(WithRevision(R"({"metadata":{"name":"n","labels":{}}})", 7));
  const watch::Object object("/registry/pods/a/n", 7, contents);
  EXPECT_EQ(Reader().Departed(object, 12).view(),
            R"({"metadata":{"name":"n","resourceVersion":"12","labels":{}}})");
}

TEST(Pages, TokensLeadBackAndStayBelowTheirPrefix) {
  const std::string text =
      WritePageToken({5, std::string("/registry/pods/a/x\0", 19)}, "/registry/pods/");
  const status::Or<PageToken> token = ReadPageToken(text, "/registry/pods/");
  ASSERT_TRUE(token.ok());
  EXPECT_EQ(token->revision, 5);
  EXPECT_EQ(token->start, std::string("/registry/pods/a/x\0", 19));
  EXPECT_FALSE(ReadPageToken("abc", "/registry/pods/").ok());
  EXPECT_FALSE(ReadPageToken("!!", "/registry/pods/").ok());
}

TEST(Selectable, EventsHaveTwoVocabularies) {
  const schema::Resource* core = schema::FindResource("", "v1", "events");
  const schema::Resource* other = schema::FindResource("events.k8s.io", "v1", "events");
  EXPECT_EQ(SelectableIndex(*core, "involvedObject.name"),
            SelectableIndex(*other, "regarding.name"));
  EXPECT_FALSE(SelectableIndex(*other, "involvedObject.name").has_value());
  EXPECT_FALSE(SelectableIndex(*core, "nope").has_value());
}

}  // namespace
}  // namespace keelson::api
