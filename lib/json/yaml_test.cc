// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "lib/json/value.h"

namespace keelson::json {
namespace {

std::string AsJson(std::string_view yaml, const Limits& limits = {}) {
  const auto result = ParseYaml(yaml, limits);
  return result.ok() ? WriteJson(*result) : result.error().message();
}

TEST(Yaml, ReadsScalarsAsKubernetesDoes) {
  const struct {
    const char* yaml;
    const char* json;
  } cases[] = {
      {"yes", "true"},
      {"'yes'", "\"yes\""},
      {"off", "false"},
      {"y", "true"},
      {"- ~", "[null]"},
      {"0644", "420"},
      {"0o644", "420"},
      {"0x1F", "31"},
      {"0b11", "3"},
      {"1_000", "1000"},
      {"1e3", "1000"},
      {"1.0", "1"},
      {"0.5", "0.5"},
      {"-7", "-7"},
      {"+7", "7"},
      {"08", "8"},
      {"1.2.3", "\"1.2.3\""},
      {"12:30", "\"12:30\""},
      {"2001-01-01", "\"2001-01-01\""},
      {"!!str 5", "\"5\""},
      {"!!int 5", "5"},
      {"100m", "\"100m\""},
      {"-", "[null]"},
      {"-x", "\"-x\""},
      {".5", "0.5"},
      {"\"5\"", "\"5\""},
      {"1e400", "\"1e400\""},
      {"<<", "\"<<\""},
      {"9223372036854775808", "9223372036854775808"},
  };
  for (const auto& c : cases) EXPECT_EQ(AsJson(c.yaml), c.json) << c.yaml;
}

TEST(Yaml, EscapesOfOneByteAreCharacters) {
  EXPECT_EQ(AsJson(R"("a\N": "\_é\N")"), "{\"a\xC2\x85\":\"\xC2\xA0é\xC2\x85\"}");
  EXPECT_EQ(AsJson(R"("\ud800": 1)").substr(0, 8), "line 1: ");
}

TEST(Yaml, ReadsMapsListsAliasesAndMerges) {
  EXPECT_EQ(AsJson("a: &x {p: 1, q: 2}\nb: *x\nc:\n  <<: *x\n  q: 3\n80: true\non: 1\n"),
            R"({"a":{"p":1,"q":2},"b":{"p":1,"q":2},"c":{"q":3,"p":1},"80":true,"on":1})");
  EXPECT_EQ(AsJson("- &a {k: 1}\n- &b {k: 2, l: 3}\n- <<: [*a, *b]\n"),
            R"([{"k":1},{"k":2,"l":3},{"k":1,"l":3}])");
  EXPECT_EQ(AsJson("{\"a\": \"\\/\\ud83d\\ude00\"}"), "{\"a\":\"/😀\"}");
  EXPECT_EQ(AsJson("{a: 1, 'b': [x]}"), R"({"a":1,"b":["x"]})");
  EXPECT_EQ(AsJson("\xEF\xBB\xBF"
                   "a: 1"),
            R"({"a":1})");
}

TEST(Yaml, KnowsItsLines) {
  const auto v = ParseYaml("# c\na: 1\nb:\n- x\n- c: 2\n  d:\n    e: f\n");
  ASSERT_TRUE(v.ok());
  EXPECT_EQ(v->line(), 2);
  EXPECT_EQ(v->At({"b"}).items()[1].line(), 5);
  EXPECT_EQ(v->At({"b"}).line(), 3);
  EXPECT_EQ(v->At({"b"}).items()[1].At({"d", "e"}).line(), 7);
  EXPECT_EQ(v->At({"b"}).items()[1].At({"d"}).line(), 6);
}

TEST(Yaml, RefusesWithTheLine) {
  EXPECT_EQ(AsJson("a: 1\nb: 2\na: 3\n"), "line 3: key \"a\" already set in map");
  EXPECT_EQ(AsJson("a: 1\n? [x]\n: 2\n"), "line 2: a key must be a scalar");
  EXPECT_EQ(AsJson("# nothing\n"), "line 1: an empty document");
  EXPECT_EQ(AsJson("a: .inf"), "line 1: \".inf\" is not a JSON value");
  EXPECT_EQ(AsJson("a: 1\nb: !thing 3"), "line 2: tag \"!thing\" is not supported");
  EXPECT_EQ(AsJson("a: &x [*x]"), "line 1: an alias inside the value that it stands for");
  EXPECT_EQ(AsJson("a: 1\nb: \x04\nc: 3"), "line 2: control characters are not allowed");
  EXPECT_EQ(AsJson("a: 1\nb: \xff"), "line 2: invalid UTF-8");
  EXPECT_EQ(AsJson("\n, b"), "line 2: a character that begins nothing");
  EXPECT_TRUE(AsJson("a: 1\n\tb: 2").starts_with("line 2: ")) << AsJson("a: 1\n\tb: 2");
  EXPECT_TRUE(AsJson("a: [1\nb: 2").starts_with("line ")) << AsJson("a: [1\nb: 2");
  EXPECT_EQ(AsJson("a: 1\n---\nb: 2\n"), "line 3: a second document where one was expected");
}

TEST(Yaml, KeepsTheLimits) {
  EXPECT_EQ(AsJson(std::string(101, '[') + std::string(101, ']')),
            "line 1: nested deeper than 100 levels");
  EXPECT_TRUE(AsJson(std::string(100'000, '[')).starts_with("line 1: "));
  EXPECT_TRUE(AsJson(std::string(100'000, '{')).starts_with("line 1: "));
  std::string laughs = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 10; ++i) {
    const std::string below = "*a" + std::to_string(i - 1);
    laughs += fmt::format("a{0}: &a{0} [{1},{1},{1},{1},{1},{1},{1},{1},{1},{1}]\n", i, below);
  }
  EXPECT_TRUE(AsJson(laughs).find("more than 1000000 values") != std::string::npos)
      << AsJson(laughs);
  std::string long_text = "a: &a " + std::string(1 << 20, 'x') + "\nb: [";
  for (int i = 0; i < 100; ++i) long_text += "*a, ";
  EXPECT_TRUE(AsJson(long_text + "]").find("unfolds to more than") != std::string::npos);
}

TEST(Yaml, StreamsLeaveEmptyDocumentsOut) {
  const auto documents = ParseYamlStream("---\n# nothing\n---\na: 1\n---\n---\nb: 2\n...\n");
  ASSERT_TRUE(documents.ok()) << documents.error().message();
  ASSERT_EQ(documents->size(), 2u);
  EXPECT_EQ((*documents)[1].line(), 7);
  EXPECT_EQ(ParseYamlStream("")->size(), 0u);
}

TEST(Yaml, WritesWhatItReads) {
  const char* json =
      R"({"apiVersion":"v1","list":[{"a":1,"b":[1,[2,3],[]]},"x",{},{"c":{"d":null}}],"empty":"","yes":"yes",
    "number":"5","text":"line one\nline two\n","cut":"a\nb","more":"a\n\n\n","inner":"a\n\n  b\n","lead":" a\nb","tab":"a\tb","hash":"a #b",
    "colon":"a: b","end":"a:","dash":"- a","flag":"-x","dots":"...","dot":".x","tilde":"~","sep":"a\u2028b\u0085","quote":"it's \"q\"",
    "merge":"<<","float":1.5,"big":1e+25,"minus":-3,"off":false,"nl":"\n","trail":"a \nb","cr":"a\r\nb","eq":"=","star":"*x","key: odd":1,
    "time":"2001-01-01T00:00:00Z","oct":"0644","del":"\u007f"})";
  const auto value = ParseJson(json);
  ASSERT_TRUE(value.ok()) << value.error().message();
  const std::string yaml = WriteYaml(*value);
  const auto back = ParseYaml(yaml);
  ASSERT_TRUE(back.ok()) << back.error().message() << "\n" << yaml;
  EXPECT_EQ(WriteJson(*back), WriteJson(*value)) << yaml;
}

TEST(Yaml, WritesTheUsualForm) {
  const auto value = ParseJson(
      R"({"metadata":{"name":"web","labels":{}},"spec":{"containers":[{"name":"c","args":["-v","8"]}]}})");
  EXPECT_EQ(WriteYaml(*value),
            "metadata:\n  name: web\n  labels: {}\nspec:\n  containers:\n  - name: c\n    args:\n  "
            "  - -v\n    - \"8\"\n");
}

}  // namespace
}  // namespace keelson::json
