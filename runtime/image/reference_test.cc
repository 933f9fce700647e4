// SPDX-License-Identifier: Apache-2.0
#include "runtime/image/reference.h"

#include <gtest/gtest.h>

namespace keelson::image {
namespace {

const std::string kDigest = "sha256:" + std::string(64, 'a');

TEST(ImageReference, FillsInWhatPeopleLeaveOut) {
  struct Case {
    std::string text;
    Reference expected;
  };
  const Case cases[] = {
      {"nginx", {"docker.io", "library/nginx", "latest", ""}},
      {"nginx:1.25", {"docker.io", "library/nginx", "1.25", ""}},
      {"team/app", {"docker.io", "team/app", "latest", ""}},
      {"docker.io/nginx", {"docker.io", "library/nginx", "latest", ""}},
      {"index.docker.io/library/nginx:x", {"docker.io", "library/nginx", "x", ""}},
      {"localhost/app", {"localhost", "app", "latest", ""}},
      {"127.0.0.1:5000/a/b/c:t", {"127.0.0.1:5000", "a/b/c", "t", ""}},
      {"[::1]:5000/app", {"[::1]:5000", "app", "latest", ""}},
      {"registry.k8s.io/pause:3.9", {"registry.k8s.io", "pause", "3.9", ""}},
      {"nginx@" + kDigest, {"docker.io", "library/nginx", "", kDigest}},
      {"nginx:1@" + kDigest, {"docker.io", "library/nginx", "1", kDigest}},
      {"a.b/x__y-z--w.v_u:V_1.-", {"a.b", "x__y-z--w.v_u", "V_1.-", ""}},
      {"HOST/app", {"HOST", "app", "latest", ""}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    const auto parsed = ParseReference(c.text);
    ASSERT_TRUE(parsed.ok()) << parsed.error().message();
    EXPECT_EQ(*parsed, c.expected) << parsed->ToString();
    EXPECT_EQ(*ParseReference(parsed->ToString()), *parsed);
  }
}

TEST(ImageReference, RefusesWhatIsNotOne) {
  const std::string cases[] = {
      "",
      "/",
      "/nginx",
      "nginx/",
      "a//b",
      "Nginx",
      "team/App",
      "nginx:",
      "nginx:-x",
      "nginx:a b",
      "nginx@",
      "nginx@sha256:abc",
      "nginx@sha512:" + std::string(128, 'a'),
      "nginx@" + kDigest + "@" + kDigest,
      "nginx@sha256:" + std::string(64, 'A'),
      "a..b",
      "a___b",
      "a_",
      "-a",
      "a.b:99999/x",
      "a.b:0/x",
      "a.b:/x",
      "-a.b/x",
      "a..b.c/x",
      "[::1/x",
      "[zz]/x",
      "[]/x",
      "x.y/" + std::string(252, 'a'),
      "nginx:" + std::string(129, 'a'),
      std::string(2000, 'a'),
      std::string("a\0b", 3),
      "a\nb",
      "../etc/passwd",
      "nginx:../x",
      "https://docker.io/nginx",
      "user@host/x",
      ":5000/x",
      "a.b"
      ":x:y/z",
  };
  for (const std::string& text : cases) {
    SCOPED_TRACE(text);
    const auto parsed = ParseReference(text);
    EXPECT_FALSE(parsed.ok());
    if (!parsed.ok()) {
      EXPECT_EQ(parsed.error().code(), base::Code::kInvalidArgument);
      EXPECT_LT(parsed.error().message().size(), 700u);
    }
  }
}

}  // namespace
}  // namespace keelson::image
