// SPDX-License-Identifier: Apache-2.0
#include "lib/http/server/message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keelson::http {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(PercentDecode, DecodesAndRefusesHalfEscapes) {
  EXPECT_EQ(PercentDecode("a%20b%2Fc+d", false), "a b/c+d");
  EXPECT_EQ(PercentDecode("a+b", true), "a b");
  for (const char* bad : {"%", "%4", "%zz", "a%00b", "%4"}) {
    SCOPED_TRACE(bad);
    EXPECT_EQ(PercentDecode(bad, false), std::nullopt);
  }
}

TEST(ParseTarget, TakesTheFirstOfANameAndDropsEmptyPairs) {
  Request request;
  ASSERT_TRUE(ParseTarget("/logs/a?x=1&&x=2&y&z=%3D", request).ok());
  EXPECT_EQ(request.path, "/logs/a");
  EXPECT_EQ(request.query, (std::map<std::string, std::string>{{"x", "1"}, {"y", ""}, {"z", "="}}));
  EXPECT_FALSE(ParseTarget("http://h/x", request).ok());
}

TEST(RequestParser, TakesARequestByteByByteAndLeavesTheNext) {
  const std::string text =
      "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nX-A: b\r\n\r\nabcGET /";
  RequestParser parser(4096, 4096);
  std::string buffer;
  size_t fed = 0;
  bool whole = false;
  while (!whole && fed < text.size()) {
    buffer += text[fed++];
    const base::Result<bool> result = parser.Feed(buffer);
    ASSERT_TRUE(result.ok()) << result.error().message();
    whole = *result;
  }
  ASSERT_TRUE(whole);
  EXPECT_EQ(parser.request().method, "POST");
  EXPECT_EQ(parser.request().path, "/p");
  EXPECT_EQ(parser.request().headers.at("x-a"), "b");
  EXPECT_EQ(parser.request().body, "abc");
  EXPECT_TRUE(parser.keep_alive());
  EXPECT_EQ(text.substr(fed), "GET /");
}

TEST(RequestParser, KeepsWhatFollowsOneRequestInTheBuffer) {
  std::string buffer = "GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.0\r\n\r\n";
  RequestParser first(4096, 4096);
  ASSERT_TRUE(first.Feed(buffer).value());
  RequestParser second(4096, 4096);
  ASSERT_TRUE(second.Feed(buffer).value());
  EXPECT_EQ(second.request().path, "/2");
  EXPECT_TRUE(second.is_http_1_0());
  EXPECT_FALSE(second.keep_alive());
  EXPECT_EQ(buffer, "");
}

TEST(RequestParser, BoundsHeadersAndBodies) {
  std::string headers = "GET / HTTP/1.1\r\nX: " + std::string(5000, 'a');
  EXPECT_EQ(RequestParser(1024, 1024).Feed(headers).error().code(), base::Code::kResourceExhausted);
  std::string body = "POST / HTTP/1.1\r\nContent-Length: 2000\r\n\r\n";
  EXPECT_EQ(RequestParser(1024, 1024).Feed(body).error().code(), base::Code::kResourceExhausted);
}

TEST(RequestParser, RefusesWhatIsNotHttp) {
  for (const char* bad : {"\x16\x03\x01 hello\r\n\r\n", "GET\r\n\r\n",
                          "GET / HTTP/1.1\r\nno colon\r\n\r\n", "GET /%zz HTTP/1.1\r\n\r\n",
                          "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
                          "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"}) {
    SCOPED_TRACE(bad);
    std::string buffer = bad;
    const base::Result<bool> result = RequestParser(4096, 4096).Feed(buffer);
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().code(), base::Code::kInvalidArgument);
  }
}

TEST(RequestParser, AsksOnceForTheBodyThatWaits) {
  std::string buffer = "POST / HTTP/1.1\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n";
  RequestParser parser(4096, 4096);
  ASSERT_FALSE(parser.Feed(buffer).value());
  EXPECT_TRUE(parser.wants_continue());
  EXPECT_FALSE(parser.wants_continue());
}

TEST(FormatHead, LeavesOutHeadersThatWouldBecomeTwo) {
  Response response{
      .status = 404, .headers = {{"A", "b\r\nEvil: yes"}, {"Good", "yes"}}, .body = "abc"};
  const std::string head = FormatHead(response, Framing::kLength, true);
  EXPECT_TRUE(head.starts_with("HTTP/1.1 404 Not Found\r\n"));
  EXPECT_THAT(head, Not(HasSubstr("Evil")));
  EXPECT_THAT(head, HasSubstr("Good: yes\r\n"));
  EXPECT_THAT(head, HasSubstr("Content-Length: 3\r\n"));
  EXPECT_TRUE(head.ends_with("Connection: keep-alive\r\n\r\n"));
}

}  // namespace
}  // namespace keelson::http
