// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "lib/json/value.h"

namespace keelson::json {
namespace {

TEST(Yaml, ReadsWhatManifestsHold) {
  const Value value = ParseYaml("apiVersion: v1\nkind: Pod\nmetadata:\n  labels: {app: web, \"n\": \"1\"}\nspec:\n- a\n- 0644\n- 1.5\n- yes\n- ~\n- '7'\n- |\n  two\n  lines\n").value();
  EXPECT_EQ(WriteJson(value),
            R"({"apiVersion":"v1","kind":"Pod","metadata":{"labels":{"app":"web","n":"1"}},"spec":["a",420,1.5,true,null,"7","two\nlines\n"]})");
}

TEST(Yaml, KnowsTheLineOfEachMember) {
  const Value value = ParseYaml("a: 1\nb:\n  c:\n  - d: x\n    e: y\n").value();
  EXPECT_EQ(value.At({"a"}).line(), 1);
  EXPECT_EQ(value.At({"b", "c"}).line(), 3);
  EXPECT_EQ(value.At({"b", "c"}).items()[0].At({"e"}).line(), 5);
}

TEST(Yaml, UnfoldsAnchorsAndMerges) {
  EXPECT_EQ(WriteJson(ParseYaml("base: &b {x: 1, y: 2}\nmore: {<<: *b, y: 3}\n").value()), R"({"base":{"x":1,"y":2},"more":{"y":3,"x":1}})");
}

TEST(Yaml, SaysWhatIsWrongAndWhere) {
  const struct {
    const char* text;
    const char* error;
  } cases[] = {
      {"a: 1\na: 2\n", "line 2: key \"a\" already set in map"},
      {"a: [1, 2\n", "line 2: not YAML"},
      {"", "an empty document"},
      {"a: 1\n---\nb: 2\n", "line 3: a second document"},
      {"? [x]\n: 1\n", "line 1: a key that is not a simple word"},
      {"a: !!binary x\n", "line 1: unsupported tag"},
  };
  for (const auto& c : cases) {
    const auto result = ParseYaml(c.text);
    ASSERT_FALSE(result.ok()) << c.text;
    EXPECT_NE(result.error().message().find(c.error), std::string::npos) << result.error().message();
  }
}

TEST(Yaml, IsBounded) {
  std::string bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 9; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
    for (int k = 0; k < 9; ++k) bomb += "," + before;
    bomb += "]\n";
  }
  EXPECT_FALSE(ParseYaml(bomb).ok());
  EXPECT_FALSE(ParseYaml(std::string(200, '[') + std::string(200, ']')).ok());
  EXPECT_FALSE(ParseYaml("abc", {.bytes = 2}).ok());
}

TEST(Json, ReadsAndWrites) {
  const char* text = R"({"a":[1,-2,2.5,true,null,"x\"\n\u0001é"],"b":{}})";
  EXPECT_EQ(WriteJson(ParseJson(text).value()), text);
  EXPECT_EQ(WriteJson(ParseJson("{\"a\":[1]}").value(), true), "{\n  \"a\": [\n    1\n  ]\n}");
}

TEST(Json, RefusesWhatIsNot) {
  for (const char* text : {"", "{", "{\"a\":1,\"a\":2}", "[1] x", "{\"a\":\"\xff\"}", "nul"}) EXPECT_FALSE(ParseJson(text).ok()) << text;
  EXPECT_EQ(ParseJson("{\n\"a\":1,\n\"a\":2}").error().message(), "line 3: duplicate key \"a\"");
  EXPECT_FALSE(ParseJson(std::string(200, '[') + std::string(200, ']')).ok());
}

TEST(Value, ComparesWithoutOrderAndSetsMembers) {
  Value a = ParseJson(R"({"x":1,"y":[2]})").value();
  EXPECT_EQ(a, ParseJson(R"({"y":[2],"x":1})").value());
  a.Set("x", Value("one"));
  a.Erase("y");
  EXPECT_EQ(WriteJson(a), R"({"x":"one"})");
}

}  // namespace
}  // namespace keelson::json
