// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <map>

#include "minimal-master/watch/selectors/field_selector.h"
#include "minimal-master/watch/selectors/label_selector.h"

namespace keelson::watch::selectors {
namespace {

struct Labels {
  std::map<std::string, std::string_view, std::less<>> map;
  const std::string_view* FindLabel(std::string_view key) const {
    const auto found = map.find(key);
    return found == map.end() ? nullptr : &found->second;
  }
};

TEST(LabelSelector, Matches) {
  const Labels web{
      {{"app", "web"}, {"tier", "1"}, {"empty", ""}, {"example.com/x", "y"}, {"n", "7"}}};
  const struct {
    std::string_view text;
    bool matches;
  } kCases[] = {
      {"", true},
      {"  ", true},
      {"app=web", true},
      {"app==web", true},
      {" app = web , tier = 1 ", true},
      {"app=db", false},
      {"app!=web", false},
      {"app!=db", true},
      {"none!=x", true},
      {"none=", false},
      {"empty=", true},
      {"empty", true},
      {"!empty", false},
      {"none", false},
      {"!none", true},
      {"! none", true},
      {"app in (web,db)", true},
      {"app in (db)", false},
      {"app in(web)", true},
      {"app notin (db,x)", true},
      {"app notin (web)", false},
      {"none notin (x)", true},
      {"none in (x)", false},
      {"empty in ()", true},
      {"empty in (,x)", true},
      {"app in (x,)", false},
      {"example.com/x=y", true},
      {"n>6", true},
      {"n>7", false},
      {"n<8", true},
      {"n<+7", false},
      {"app>1", false},
      {"none<5", false},
      {"app=web,tier=2", false},
      {"app,tier,n", true},
      {"in=web", false},
      {"app in (in,notin,web)", true},
      {"app=web,", false},
  };
  for (const auto& [text, matches] : kCases) {
    SCOPED_TRACE(text);
    const auto selector = LabelSelector::Parse(text);
    if (text == "app=web,") {
      EXPECT_FALSE(selector.ok());
      continue;
    }
    if (text == "n<+7") {  // '+' is none of a label's letters
      EXPECT_FALSE(selector.ok());
      continue;
    }
    ASSERT_TRUE(selector.ok()) << selector.error().message();
    EXPECT_EQ(selector->Matches(web), matches);
    const auto again = LabelSelector::Parse(selector->Format());
    ASSERT_TRUE(again.ok()) << selector->Format();
    EXPECT_EQ(again->Format(), selector->Format());
    EXPECT_EQ(again->Matches(web), matches);
  }
}

// As a real API server answers (facts of errors.json: list-labelSelector=…).
TEST(LabelSelector, RefusesInUpstreamsWords) {
  const std::string kPrefix = "unable to parse requirement: ";
  const struct {
    std::string text, message;
  } kCases[] = {
      {"a b c", kPrefix + "found 'b', expected: in, notin, =, ==, !=, gt, lt"},
      {"a b", kPrefix + "found 'b', expected: in, notin, =, ==, !=, gt, lt"},
      {"=", "found '=', expected: !, identifier, or 'end of string'"},
      {"a in b", kPrefix + "found 'b' expected: '('"},
      {"a=b c", "found 'c', expected: ',' or 'end of string'"},
      {"!!a", kPrefix + "found '!', expected: identifier"},
      {"a>=b", kPrefix + "found '=', expected: identifier"},
      {"a>b", kPrefix + "values[0]: Invalid value: \"b\": for 'Gt', 'Lt' operators, the value must "
                        "be an integer"},
      {"A_b/c=d",
       kPrefix + "<nil>: Invalid value: \"A_b/c\": prefix part a lowercase RFC 1123 subdomain must "
                 "consist of lower case alphanumeric characters, '-' or '.', and must start and "
                 "end with an alphanumeric "
                 "character (e.g. 'example.com', regex used for validation is "
                 "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"},
      {"a=-b", kPrefix + "values[0][a]: Invalid value: \"-b\": a valid label must be an empty "
                         "string or consist of "
                         "alphanumeric characters, '-', '_' or '.', and must start and end with an "
                         "alphanumeric character (e.g. "
                         "'MyValue',  or 'my_value',  or '12345', regex used for validation is "
                         "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"},
      {"a,,b", "found ',', expected: identifier after ','"},
      {"a=" + std::string(64, 'x'), kPrefix + "values[0][a]: Invalid value: \"" +
                                        std::string(64, 'x') + "\": must be no more than 63 bytes"},
      {"a in (b", kPrefix + "found '', expected: ',' or ')'"},
      {"a in (", kPrefix + "found '', expected: ',', ')' or identifier"},
      {"a in (b c)", kPrefix + "found 'c', expected: ',' or ')'"},
  };
  for (const auto& [text, message] : kCases) {
    SCOPED_TRACE(text);
    const auto selector = LabelSelector::Parse(text);
    ASSERT_FALSE(selector.ok());
    EXPECT_EQ(selector.error().message(), message);
  }
}

TEST(FieldSelector, Matches) {
  const std::map<std::string, std::string, std::less<>> pod{
      {"metadata.name", "web"}, {"spec.nodeName", ""}, {"x", "a,b=c\\"}};
  const auto value = [&](std::string_view field) {
    const auto found = pod.find(field);
    return found == pod.end() ? std::string_view() : std::string_view(found->second);
  };
  const struct {
    std::string_view text;
    bool matches;
  } kCases[] = {
      {"", true},
      {",", true},
      {"=", true},
      {"metadata.name=web", true},
      {"metadata.name==web", true},
      {"metadata.name!=web", false},
      {"spec.nodeName=", true},
      {"spec.nodeName!=", false},
      {"metadata.name=web,spec.nodeName=n1", false},
      {"metadata.name!=db,spec.nodeName!=n1", true},
      {R"(x=a\,b\=c\\)", true},
      {R"(x!=a\,b\=c\\)", false},
  };
  for (const auto& [text, matches] : kCases) {
    SCOPED_TRACE(text);
    const auto selector = FieldSelector::Parse(text);
    ASSERT_TRUE(selector.ok()) << selector.error().message();
    EXPECT_EQ(selector->Matches(value), matches);
    const auto again = FieldSelector::Parse(selector->Format());
    ASSERT_TRUE(again.ok()) << selector->Format();
    EXPECT_EQ(again->Format(), selector->Format());
  }
  EXPECT_EQ(*FieldSelector::Parse("a!=b,metadata.name=web")->Exact("metadata.name"), "web");
  EXPECT_EQ(FieldSelector::Parse("metadata.name!=web")->Exact("metadata.name"), nullptr);
}

TEST(FieldSelector, RefusesInUpstreamsWords) {
  const struct {
    std::string_view text, message;
  } kCases[] = {
      {"metadata.name", "invalid selector: 'metadata.name'; can't understand 'metadata.name'"},
      {"metadata.name>1",
       "invalid selector: 'metadata.name>1'; can't understand 'metadata.name>1'"},
      {"a=b=c", "invalid field selector: unescaped character in value: 61"},
      {R"(a=\x)", R"(invalid field selector: invalid escape sequence: \x)"},
      {R"(a=\)", R"(invalid field selector: invalid escape sequence: \)"},
  };
  for (const auto& [text, message] : kCases) {
    SCOPED_TRACE(text);
    const auto selector = FieldSelector::Parse(text);
    ASSERT_FALSE(selector.ok());
    EXPECT_EQ(selector.error().message(), message);
  }
  EXPECT_EQ(
      UnknownField("nope", false).message(),
      "\"nope\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\"");
  EXPECT_EQ(UnknownField("spec.r", true).message(), "field label not supported: spec.r");
}

TEST(LabelSelector, SaysOfManyWrongValuesTheFirstOnes) {
  std::string text = "a in (";
  for (int i = 0; i < 1000; ++i) text += "-" + std::to_string(i) + ",";
  const auto refused = LabelSelector::Parse(text + "b)");
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message().find("and 984 more"), std::string::npos);
  EXPECT_LT(refused.error().message().size(), 8192u);
}

}  // namespace
}  // namespace keelson::watch::selectors
