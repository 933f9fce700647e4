// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/health/health.h"

#include <gtest/gtest.h>

namespace keelson::health {
namespace {

std::string Body(const api::Answer& answer) {
  std::string text;
  for (const service::Buffer& piece : answer.body) text += piece.view();
  return text;
}

TEST(Health, AnswersAsUpstreamDoes) {
  bool stored = true;
  const Health health({
      {.name = "ping", .run = [] { return base::Ok(); }},
      {.name = "etcd",
       .run = [&]() -> base::Status {
         if (stored) return base::Ok();
         return base::Unavailable("the disk has gone");
       }},
      {.name = "shutdown", .run = [] { return base::Ok(); }, .live = false},
  });
  struct Case {
    std::string_view name;
    bool stored = true;
    std::string_view path;
    service::Fields query;
    int code = 200;
    std::string_view expected;
  };
  const Case cases[] = {
      {.name = "well", .path = "/livez", .query = {}, .expected = "ok"},
      {.name = "well, and told at length",
       .path = "/livez",
       .query = {{"verbose", ""}},
       .expected = "[+]ping ok\n[+]etcd ok\nlivez check passed\n"},
      {.name = "readiness asks for more",
       .path = "/readyz",
       .query = {{"verbose", "true"}},
       .expected = "[+]ping ok\n[+]etcd ok\n[+]shutdown ok\nreadyz check passed\n"},
      {.name = "the old page",
       .path = "/healthz",
       .query = {{"verbose", ""}},
       .expected = "[+]ping ok\n[+]etcd ok\nhealthz check passed\n"},
      {.name = "ill: always at length, and without the reason",
       .stored = false,
       .path = "/livez",
       .query = {},
       .code = 500,
       .expected = "[+]ping ok\n[-]etcd failed: reason withheld\nlivez check failed\n"},
      {.name = "what is left out is not asked",
       .stored = false,
       .path = "/livez",
       .query = {{"verbose", ""}, {"exclude", "etcd"}, {"exclude", "kms"}},
       .expected = "[+]ping ok\n[+]etcd excluded: ok\nwarn: some health checks cannot be excluded: "
                   "no matches for \"kms\"\nlivez check passed\n"},
      {.name = "one check", .path = "/readyz/shutdown", .query = {}, .expected = "ok"},
      {.name = "one check that fails says why",
       .stored = false,
       .path = "/readyz/etcd",
       .query = {},
       .code = 500,
       .expected = "internal server error: the disk has gone\n"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    stored = c.stored;
    const std::optional<api::Answer> answer = health.Page(c.path, c.query);
    ASSERT_TRUE(answer.has_value());
    EXPECT_EQ(answer->code, c.code);
    EXPECT_EQ(answer->content_type, "text/plain; charset=utf-8");
    EXPECT_EQ(Body(*answer), c.expected);
  }
  for (const char* path :
       {"/livez/shutdown", "/readyz/nothing", "/readyzz", "/livez/", "/metrics", "livez"})
    EXPECT_FALSE(health.Page(path, {}).has_value()) << path;
}

}  // namespace
}  // namespace keelson::health
