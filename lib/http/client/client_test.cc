// SPDX-License-Identifier: Apache-2.0
#include "lib/http/client/client.h"

#include <gtest/gtest.h>

#include "lib/http/client/url.h"

namespace keelson::http {
namespace {

TEST(Url, TakesWebAddressesApart) {
  const Url url = ParseUrl("https://Registry.example:5000/v2/a/b?x=1").value();
  EXPECT_EQ(url.scheme, "https");
  EXPECT_EQ(url.port, "5000");
  EXPECT_EQ(url.path, "/v2/a/b?x=1");
  EXPECT_EQ(ParseUrl("http://h").value().Origin(), "http://h:80");
  for (const char* bad :
       {"", "h", "ftp://h/x", "file:///etc/passwd", "https://user@h/", "https://user:p@h/",
        "http://h/\nx", "https://", "https:/h/x", "http:///h", "https:h"}) {
    SCOPED_TRACE(bad);
    EXPECT_FALSE(ParseUrl(bad).ok());
  }
}

TEST(Url, ResolvesRedirects) {
  EXPECT_EQ(ResolveUrl("https://h/v2/a?x=1", "/b/c?d=e").value(), "https://h/b/c?d=e");
  EXPECT_EQ(ResolveUrl("https://h/v2/a", "https://other:8443/z").value(), "https://other:8443/z");
  EXPECT_FALSE(ResolveUrl("https://h/v2/a", "file:///etc/passwd").ok());
  EXPECT_FALSE(ResolveUrl("https://h/v2/a", "gopher://x/").ok());
}

TEST(HttpClient, SaysThatNoConnectionCameAbout) {
  Client client;
  ClientRequest request;
  request.url = "http://127.0.0.1:1/";
  const auto answer = client.PerformToString(request, 100);
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code(), base::Code::kUnavailable);
  EXPECT_NE(std::dynamic_pointer_cast<const NotConnected>(answer.error().detail()), nullptr);
}

TEST(HttpClient, RefusesHeadersThatWouldBecomeTwo) {
  Client client;
  ClientRequest request;
  request.url = "http://127.0.0.1:1/";
  request.headers = {{"A", "b\r\nEvil: yes"}};
  EXPECT_EQ(client.PerformToString(request, 100).error().code(), base::Code::kInvalidArgument);
}

}  // namespace
}  // namespace keelson::http
