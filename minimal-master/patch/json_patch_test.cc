// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/patch/json_patch.h"

#include <gtest/gtest.h>

namespace keelson::patch {
namespace {

json::Value Parse(std::string_view text) {
  const base::Result<json::Value> value = json::ParseJson(text);
  EXPECT_TRUE(value.ok()) << text;
  return value.ok() ? *value : json::Value();
}

TEST(JsonPatch, DoesWhatItsOperationsSay) {
  struct Case {
    const char* object;
    const char* patch;
    const char* after;  // null: cannot be done
  };
  const Case cases[] = {
      {R"({"a":1})", R"([{"op":"add","path":"/b","value":2}])", R"({"a":1,"b":2})"},
      {R"({"a":1})", R"([{"op":"add","path":"/b/c","value":2}])", nullptr},
      {R"({"a":1})", R"([{"op":"add","path":"b","value":2}])", nullptr},
      {R"({"a":1})", R"([{"op":"add","value":2}])", nullptr},
      {R"({"a":1})", R"([{"op":"nope","path":"/a"}])", nullptr},
      {R"({"a":[1,3]})", R"([{"op":"add","path":"/a/1","value":2}])", R"({"a":[1,2,3]})"},
      {R"({"a":[1]})", R"([{"op":"add","path":"/a/-","value":2}])", R"({"a":[1,2]})"},
      {R"({"a":[1]})", R"([{"op":"add","path":"/a/5","value":2}])", nullptr},
      {R"({"a":[1,2]})", R"([{"op":"remove","path":"/a/-1"}])", R"({"a":[1]})"},
      {R"({"a":[1]})", R"([{"op":"remove","path":"/a/1"}])", nullptr},
      {R"({"a":1})", R"([{"op":"remove","path":"/b"}])", nullptr},
      {R"({"a":1})", R"([{"op":"remove","path":""}])", nullptr},
      {R"({"a":1})", R"([{"op":"replace","path":"","value":{}}])", "{}"},
      // Upstream's reader adds what is to be replaced, and takes no value for null.
      {R"({"a":1})", R"([{"op":"replace","path":"/b","value":2}])", R"({"a":1,"b":2})"},
      {R"({"a":[1]})", R"([{"op":"replace","path":"/a/1","value":2}])", nullptr},
      {R"({"a":1})", R"([{"op":"add","path":"/b"}])", R"({"a":1,"b":null})"},
      {R"({"a":1})", R"([{"op":"add","path":"","value":{}}])", nullptr},
      {R"({"a":[1]})", R"([{"op":"add","path":"/a/-1","value":2}])", R"({"a":[1,2]})"},
      {R"({"a":1})", R"([{"op":"copy","from":"/z","path":"/b"}])", R"({"a":1,"b":null})"},
      {R"({"a":[1]})", R"([{"op":"test","path":"/a/1","value":null}])", nullptr},
      {R"({"a/b":1,"c~d":2})",
       R"([{"op":"replace","path":"/a~1b","value":3},)"
       R"({"op":"remove","path":"/c~0d"}])",
       R"({"a/b":3})"},
      {R"({"a":{"x":1}})", R"([{"op":"move","from":"/a/x","path":"/b"}])", R"({"a":{},"b":1})"},
      {R"({"a":{"x":1}})", R"([{"op":"copy","from":"/a","path":"/b"}])",
       R"({"a":{"x":1},"b":{"x":1}})"},
      {R"({"a":1})", R"([{"op":"copy","path":"/b"}])", nullptr},
      {R"({"a":1})", R"([{"op":"move","from":"/z","path":"/b"}])", nullptr},
      {R"({"a":{"x":1,"y":2}})", R"([{"op":"test","path":"/a","value":{"y":2,"x":1}}])",
       R"({"a":{"x":1,"y":2}})"},
      {R"({"a":1})", R"([{"op":"test","path":"/a","value":2}])", nullptr},
      {R"({"a":1})", R"([{"op":"test","path":"/b","value":2}])", nullptr},
      {R"({"a":1})", R"([{"op":"test","path":"/b","value":null}])", R"({"a":1})"},
  };
  for (const Case& c : cases) {
    const status::Or<json::Value> after = ApplyJsonPatch(Parse(c.object), Parse(c.patch));
    EXPECT_EQ(after.ok(), c.after != nullptr) << c.patch;
    if (!after.ok()) {
      EXPECT_EQ(after.failure().code, 422);
    } else if (c.after != nullptr) {
      EXPECT_EQ(json::WriteJson(*after), c.after) << c.patch;
    }
  }
}

TEST(JsonPatch, IsAListOfBoundedLength) {
  EXPECT_EQ(ApplyJsonPatch(Parse("{}"), Parse("{}")).failure().message,
            "error decoding patch: json: cannot unmarshal object into Go value of type "
            "[]handlers.jsonPatchOp");
  std::vector<json::Value> many(10001, Parse(R"({"op":"add","path":"/a","value":1})"));
  const status::Or<json::Value> after =
      ApplyJsonPatch(Parse("{}"), json::Value::Array(std::move(many)));
  ASSERT_FALSE(after.ok());
  EXPECT_EQ(after.failure().code, 413);
}

TEST(JsonPatch, CopiesThatDoubleThemselvesEnd) {
  std::vector<json::Value> doubling;
  for (int i = 0; i < 40; ++i)
    doubling.push_back(Parse(R"({"op":"copy","from":"/a","path":"/a/-"})"));
  EXPECT_FALSE(
      ApplyJsonPatch(Parse(R"({"a":["0123456789"]})"), json::Value::Array(std::move(doubling)))
          .ok());
}

TEST(MergePatch, NullTakesAwayAndListsAreReplaced) {
  EXPECT_EQ(json::WriteJson(ApplyMergePatch(Parse(R"({"a":{"b":1,"c":2},"l":[1,2],"z":0})"),
                                            Parse(R"({"a":{"b":null,"d":{"e":null}},"l":[3]})"))),
            R"({"a":{"c":2,"d":{}},"l":[3],"z":0})");
  EXPECT_EQ(json::WriteJson(ApplyMergePatch(Parse(R"({"a":"x"})"), Parse(R"({"a":{"b":1}})"))),
            R"({"a":{"b":1}})");
}

}  // namespace
}  // namespace keelson::patch
