// SPDX-License-Identifier: Apache-2.0
#include "lib/http/passage/response.h"

#include <gtest/gtest.h>

namespace keelson::passage {
namespace {

struct Case {
  const char* name;
  const char* text;
  const char* body;
  const char* rest;
  bool whole;  // before the end of the connection
  bool at_end;
};

TEST(Response, IsReadWhereverItIsCut) {
  const Case cases[] = {
      {"length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloX", "hello", "X", true, true},
      {"cut length", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", "hello", "", false,
       false},
      {"chunks",
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n",
       "abcde", "", true, true},
      {"cut chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", "abc", "",
       false, false},
      {"until the end", "HTTP/1.1 403 Forbidden\r\n\r\nno", "no", "", false, true},
      {"nothing", "HTTP/1.1 204 No Content\r\n\r\n", "", "", true, true},
      {"upgrade", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nbytes", "", "bytes", true,
       true},
  };
  for (const Case& c : cases) {
    for (const size_t step : {size_t{1}, size_t{7}, size_t{1000}}) {
      SCOPED_TRACE(c.name);
      ResponseReader reader(false);
      std::string body;
      const std::string_view text = c.text;
      for (size_t at = 0; at < text.size(); at += step)
        ASSERT_TRUE(reader.Put(text.substr(at, step), body).ok());
      EXPECT_EQ(body, c.body);
      EXPECT_TRUE(!c.whole || reader.rest() == c.rest) << reader.rest();
      EXPECT_TRUE(reader.has_head());
      EXPECT_EQ(reader.whole(), c.whole);
      EXPECT_EQ(reader.PutEnd(), c.at_end);
    }
  }
}

TEST(Response, HeadsAreBoundedAndMustBeHeads) {
  std::string body;
  EXPECT_FALSE(ResponseReader(false).Put("SSH-2.0-x\r\n\r\n", body).ok());
  EXPECT_FALSE(ResponseReader(false).Put("HTTP/1.1 004 Not Found\r\n\r\n", body).ok());
  ResponseReader large(false);
  const std::string line = "X-A: " + std::string(1000, 'a') + "\r\n";
  std::string text = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 100; ++i) text += line;
  EXPECT_FALSE(large.Put(text + "\r\n", body).ok());
}

TEST(Response, AnswersToHeadHaveNoBody) {
  ResponseReader reader(true);
  std::string body;
  ASSERT_TRUE(reader.Put("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Y: z\r\n\r\n", body).ok());
  EXPECT_TRUE(reader.whole());
  EXPECT_EQ(reader.head().status, 200);
  EXPECT_EQ(reader.head().headers[1], service::Field("X-Y", "z"));
}

}  // namespace
}  // namespace keelson::passage
