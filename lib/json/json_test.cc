// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "lib/json/text.h"
#include "lib/json/value.h"

namespace keelson::json {
namespace {

std::string Refusal(std::string_view text, const Limits& limits = {}) {
  const auto result = ParseJson(text, limits);
  return result.ok() ? "accepted" : result.error().message();
}

TEST(Json, ReadsEveryKindAndKeepsOrderAndLines) {
  const auto result =
      ParseJson("{\"b\": [1, -2.5,\n true, null],\n \"a\": \"x\\u00e9\\ud83d\\ude00\\n\"}");
  ASSERT_TRUE(result.ok()) << result.error().message();
  EXPECT_EQ(WriteJson(*result), "{\"b\":[1,-2.5,true,null],\"a\":\"xé😀\\n\"}");
  EXPECT_EQ(result->members()[0].first, "b");
  EXPECT_EQ(result->At({"b"}).items()[0].line(), 1);
  EXPECT_EQ(result->At({"b"}).items()[2].line(), 2);
  EXPECT_EQ(result->At({"a"}).line(), 3);
}

TEST(Json, RefusesWhatTheStandardDoes) {
  for (std::string_view text : {"",
                                "{",
                                "[1,]",
                                "{\"a\":1,}",
                                "01",
                                "+1",
                                ".5",
                                "1.",
                                "1e",
                                "nul",
                                "'a'",
                                "\"\t\"",
                                "\"\\x\"",
                                "\"\\ud800\"",
                                "\"\\udc00\"",
                                "\"\\u12g4\"",
                                "\"\\u-123\"",
                                "1 2",
                                "\"\xff\"",
                                "\"\xed\xa0\x80\"",
                                "{a:1}",
                                "[1 2]",
                                "{\"a\" 1}",
                                "// x\n1",
                                "NaN",
                                "1e999"}) {
    EXPECT_NE(Refusal(text), "accepted") << text;
  }
}

TEST(Json, NamesTheLineOfARefusal) {
  EXPECT_EQ(Refusal("{\"a\": 1,\n\"b\": 2,\n\"a\": 3}"), "line 3: key \"a\" already set in map");
}

TEST(Json, KeepsTheLimits) {
  Limits limits;
  limits.depth = 3;
  EXPECT_EQ(Refusal("[[[1]]]", limits), "accepted");
  EXPECT_EQ(Refusal("[[[[1]]]]", limits), "line 1: nested deeper than 3 levels");
  limits.values = 4;
  EXPECT_EQ(Refusal("[1,2,3]", limits), "accepted");
  EXPECT_EQ(Refusal("[1,2,3,4]", limits), "line 1: more than 4 values");
  limits.bytes = 3;
  EXPECT_EQ(Refusal("[  1]", limits), "line 1: 5 bytes, more than 3");
  EXPECT_NE(Refusal(std::string(1'000'000, '[')), "accepted");
}

TEST(Json, NumbersKeepTheirKind) {
  EXPECT_EQ(ParseJson("9223372036854775807")->AsInt(), INT64_MAX);
  EXPECT_EQ(ParseJson("-9223372036854775808")->AsInt(), INT64_MIN);
  EXPECT_EQ(ParseJson("9223372036854775808")->kind(), Value::Kind::kDouble);
  EXPECT_EQ(ParseJson("1.0")->kind(), Value::Kind::kDouble);
  EXPECT_EQ(ParseJson("-1.9")->AsInt(), -1);
  EXPECT_EQ(ParseJson("9223372036854775808")->AsInt(), INT64_MAX);
  EXPECT_EQ(ParseJson("-1e300")->AsInt(), INT64_MIN);
  EXPECT_EQ(DoubleText(0.1), "0.1");
  EXPECT_EQ(DoubleText(1000), "1000");
  EXPECT_EQ(DoubleText(1e21), "1e+21");
  EXPECT_EQ(DoubleText(1e-7), "1e-07");
}

TEST(Json, WritesPretty) {
  const auto value = ParseJson(R"({"a":[1,{}],"b":{"c":[]}})");
  EXPECT_EQ(WriteJson(*value, true),
            "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": {\n    \"c\": []\n  }\n}");
}

TEST(Json, ValuesCompareWithoutOrderAndLines) {
  EXPECT_EQ(*ParseJson(R"({"a":1,"b":[2]})"), *ParseJson("{\n\"b\":[2],\"a\":1}"));
  EXPECT_FALSE(*ParseJson("[1,2]") == *ParseJson("[2,1]"));
  Value v;
  v.Set("a", Value(1));
  v.Set("a", Value(2));
  v.Set("l", Value()).Append(Value("x"));
  EXPECT_EQ(WriteJson(v), R"({"a":2,"l":["x"]})");
  v.Erase("a");
  EXPECT_EQ(v.Find("a"), nullptr);
  EXPECT_TRUE(v.At({"l", "nothing", "here"}).IsNull());
}

TEST(Json, QuotesLikeGo) {
  EXPECT_EQ(Quote("a\"\\\n\t\x01é\xff"), "\"a\\\"\\\\\\n\\t\\u0001é\xEF\xBF\xBD\"");
}

}  // namespace
}  // namespace keelson::json
