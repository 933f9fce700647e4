// SPDX-License-Identifier: Apache-2.0
#include "lib/json/part.h"

#include <gtest/gtest.h>

namespace keelson::json {
namespace {

bool NamesAndScalars(std::string_view top, std::string_view member, char first) {
  if (top == "metadata") return member.empty() || member == "name" || member == "labels";
  return top == "spec" && (member.empty() || (first != '{' && first != '['));
}

std::string Part(std::string_view text) {
  const auto part = ParseJsonPart(text, NamesAndScalars);
  return part.ok() ? WriteJson(*part) : "refused";
}

TEST(JsonPart, HoldsWhatIsWantedAndNothingElse) {
  EXPECT_EQ(
      Part(R"({"kind":"Pod","metadata":{"name":"a","uid":"u","labels":{"x":{"deep":[1,2]}},)"
           R"("annotations":{"q":"\"}],{\\"}},"spec":{"node":"n","many":[{"a":"]"}],"on":true,)"
           R"("number":-1.5e3,"none":null,"empty":{},"last":7},"status":{"phase":"x"}})"),
      R"({"metadata":{"name":"a","labels":{"x":{"deep":[1,2]}}},)"
      R"("spec":{"node":"n","on":true,"number":-1500,"none":null,"last":7}})");
  EXPECT_EQ(Part(" { \"metadata\" : { \"name\" : \"a\\u0041\\\\\" } , \"x\" : [ ] } "),
            R"({"metadata":{"name":"aA\\"}})");
  EXPECT_EQ(Part("{}"), "{}");
  EXPECT_EQ(Part(R"({"metadata":{},"spec":null})"), R"({"metadata":{},"spec":null})");
}

TEST(JsonPart, RefusesWhatEndsTooSoonOrIsNoObject) {
  const std::string whole =
      R"({"metadata":{"name":"a","labels":{"b":"c"}},"spec":{"d":[1,{"e":2}]}})";
  ASSERT_NE(Part(whole), "refused");
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(Part(whole.substr(0, size)), "refused") << size;
  }
  for (const char* text : {"[]", "1", "{1:2}", "{\"a\" 1}", R"({"metadata":{"name":nul}})"}) {
    EXPECT_EQ(Part(text), "refused") << text;
  }
}

}  // namespace
}  // namespace keelson::json
