// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "minimal-master/fields/managers.h"
#include "minimal-master/fields/owners.h"
#include "minimal-master/fields/split.h"
#include "minimal-master/schema/decode.h"

namespace keelson::fields {
namespace {

using json::Value;

Value Json(std::string_view text) {
  base::Result<Value> value = schema::DecodeAny(text);
  EXPECT_TRUE(value.ok()) << text;
  return value.ok() ? *std::move(value) : Value();
}

Set SetOfText(std::string_view text) {
  base::Result<Set> set = Set::Parse(text);
  EXPECT_TRUE(set.ok()) << text;
  return set.ok() ? *std::move(set) : Set();
}

TEST(FieldSets, AreWrittenSortedWithTheirOwnDots) {
  EXPECT_EQ(SetOfText(R"({"f:b":{},"f:a":{"f:y":{},".":{},"f:x":null}})").Write(),
            R"({"f:a":{".":{},"f:x":{},"f:y":{}},"f:b":{}})");
  EXPECT_EQ(
      SetOfText(R"({"v:2":{},"k:{\"name\":\"c\",\"a\":1}":{"f:n":{}},"f:z":{},"i:3":{}})").Write(),
      R"({"f:z":{},"k:{\"a\":1,\"name\":\"c\"}":{"f:n":{}},"v:2":{},"i:3":{}})");
  EXPECT_EQ(SetOfText("{}").Write(), "{}");
}

TEST(FieldSets, LeaveOutWhatCameLaterAndRefuseWhatIsNone) {
  EXPECT_EQ(SetOfText(R"({"q:new":{"f:a":{}},"f:b":{"q:new":{}}})").Write(), R"({"f:b":{}})");
  for (const char* bad : {"[]", "1", R"({"f":{}})", R"({"nope":{}})", R"({"f:a":1})",
                          R"({"k:[]":{}})", R"({"k:{":{}})", R"({"i:x":{}})"})
    EXPECT_FALSE(Set::Parse(bad).ok()) << bad;
}

TEST(FieldSets, AreAddedSharedAndTakenAway) {
  const Set a = SetOfText(R"({"f:a":{".":{},"f:x":{}},"f:b":{}})");
  const Set b = SetOfText(R"({"f:a":{"f:x":{},"f:y":{}},"f:c":{}})");
  EXPECT_EQ(Union(a, b).Write(), R"({"f:a":{".":{},"f:x":{},"f:y":{}},"f:b":{},"f:c":{}})");
  EXPECT_EQ(Intersection(a, b).Write(), R"({"f:a":{"f:x":{}}})");
  EXPECT_EQ(Difference(a, b).Write(), R"({"f:a":{},"f:b":{}})");
  EXPECT_EQ(Without(b, a).Write(), R"({"f:c":{}})");  // all below a member goes with it
}

TEST(FieldSets, AreAskedWithoutBeingRead) {
  const std::string written = R"({"f:a":{"f:x":{}},"f:b":{".":{},"f:y":{}},"k:{\"n\":1}":{}})";
  EXPECT_TRUE(Touches(written, SetOfText(R"({"f:q":{},"k:{\"n\":1}":{}})")));
  EXPECT_FALSE(Touches(written, SetOfText(R"({"f:a":{},"f:b":{"f:z":{}}})")));
  EXPECT_TRUE(Covers(written, SetOfText(R"({"f:a":{"f:x":{}},"f:b":{}})")));
  EXPECT_FALSE(Covers(written, SetOfText(R"({"f:a":{}})")));
  EXPECT_FALSE(Touches(written, Set()));
  EXPECT_TRUE(Covers(written, Set()));
}

TEST(ManagedFields, AreTakenOffTheirObjectAndPutBack) {
  struct Case {
    const char* object;
    const char* rest;
    const char* managers;
  };
  const Case cases[] = {
      {R"({"metadata":{"name":"a","managedFields":[{"m":"]}"}]},"data":1})",
       R"({"metadata":{"name":"a"},"data":1})", R"([{"m":"]}"}])"},
      {R"({"metadata":{"managedFields":[]}})", R"({"metadata":{}})", "[]"},
      {R"({"metadata":{"managedFields":[1],"name":"a"}})", R"({"metadata":{"name":"a"}})", "[1]"},
      {R"({"metadata":{"annotations":{"x":"\"managedFields\":[1]"}}})",
       R"({"metadata":{"annotations":{"x":"\"managedFields\":[1]"}}})", ""},
      {R"({"managedFields":[1]})", R"({"managedFields":[1]})", ""},
  };
  for (const Case& c : cases) {
    const Split split = SplitManagers(c.object);
    EXPECT_EQ(split.object, c.rest);
    EXPECT_EQ(split.managers, c.managers);
    const Split again = SplitManagers(JoinManagers(split.object, split.managers));
    EXPECT_EQ(again.object, c.rest);
    EXPECT_EQ(again.managers, c.managers);
  }
}

TEST(ManagedFields, OfMoreThanTenUpdatersTheOldestBecomeOne) {
  Managers managers;
  for (int i = 0; i < 12; ++i) {
    Manager manager;
    manager.name = "m" + std::to_string(i);
    manager.version = "v1";
    manager.time = "2026-01-01T00:00:" + std::to_string(10 + i) + "Z";
    manager.SetFields(SetOfText("{\"f:a" + std::to_string(i) + "\":{}}"));
    managers.push_back(std::move(manager));
  }
  CapUpdaters(managers);
  ASSERT_EQ(managers.size(), 10U);
  EXPECT_EQ(managers[0].name, "ancient-changes");
  EXPECT_EQ(managers[0].written(), R"({"f:a0":{},"f:a1":{},"f:a2":{}})");
}

class Owners : public testing::Test {
 protected:
  Owners() {
    target_.version = "v1";
    target_.kind = "ConfigMap";
    target_.type = schema::Find("", "v1", "ConfigMap");
  }
  // Of "{name: fields}": what each manager has.
  static std::string Shown(std::string_view managers) {
    std::string out;
    for (const Manager& each : ReadManagers(managers))
      out += each.name + (each.applies ? "+ " : " ") + each.written() + "\n";
    return out;
  }
  std::string Data(const Value& object) { return json::WriteJson(object.At({"data"})); }
  status::Or<Applied> ApplyData(const Value* live, std::string_view managers, const char* data,
                                const char* manager, bool force = false) {
    Value config = Json(R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"},"data":)" +
                        std::string(data) + "}");
    return Apply(target_, live, managers, config, manager, force, "2026-01-01T00:00:00Z");
  }

  Target target_;
};

TEST_F(Owners, WhoeverChangesAFieldHasItAlone) {
  Value made = Json(R"({"metadata":{"name":"c"},"data":{"a":"1","b":"1"}})");
  const std::string first = TrackWrite(target_, nullptr, {}, made, "one", "2026-01-01T00:00:00Z");
  EXPECT_EQ(Shown(first), "one {\"f:data\":{\".\":{},\"f:a\":{},\"f:b\":{}}}\n");
  Value changed = Json(R"({"metadata":{"name":"c"},"data":{"a":"2","b":"1"}})");
  const std::string second =
      TrackWrite(target_, &made, first, changed, "two", "2026-01-01T00:00:01Z");
  EXPECT_EQ(Shown(second),
            "one {\"f:data\":{\".\":{},\"f:b\":{}}}\ntwo {\"f:data\":{\"f:a\":{}}}\n");
  Value same = changed;
  EXPECT_EQ(TrackWrite(target_, &changed, second, same, "three", "2026-01-01T00:00:02Z"), second);
}

TEST_F(Owners, AnEmptyListForgetsThemAll) {
  Value made = Json(R"({"metadata":{"name":"c"},"data":{"a":"1"}})");
  const std::string first = TrackWrite(target_, nullptr, {}, made, "one", "2026-01-01T00:00:00Z");
  for (const char* reset : {"[]", "[{}]"}) {
    Value sent = Json(R"({"metadata":{"name":"c"},"data":{"a":"2"}})");
    sent.Find("metadata")->Set("managedFields", Json(reset));
    EXPECT_EQ(TrackWrite(target_, &made, first, sent, "two", "2026-01-01T00:00:01Z"), "") << reset;
    EXPECT_EQ(sent.Find("metadata")->Find("managedFields"), nullptr);
  }
}

TEST_F(Owners, AnApplyStopsAtWhatOthersHaveUnlessItIsForced) {
  const status::Or<Applied> first = ApplyData(nullptr, {}, R"({"a":"1","b":"1"})", "one");
  ASSERT_TRUE(first.ok());
  const status::Or<Applied> shared =
      ApplyData(&first->object, first->managers, R"({"a":"1"})", "two");
  ASSERT_TRUE(shared.ok());
  EXPECT_FALSE(shared->changed);
  const status::Or<Applied> refused =
      ApplyData(&shared->object, shared->managers, R"({"a":"2"})", "three");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.failure().code, 409);
  ASSERT_EQ(refused.failure().details.causes.size(), 2U);
  EXPECT_EQ(refused.failure().details.causes[0].field, ".data.a");
  const status::Or<Applied> forced =
      ApplyData(&shared->object, shared->managers, R"({"a":"2"})", "three", true);
  ASSERT_TRUE(forced.ok());
  EXPECT_EQ(Data(forced->object), R"({"a":"2","b":"1"})");
  EXPECT_EQ(Shown(forced->managers),
            "one+ {\"f:data\":{\"f:b\":{}}}\nthree+ {\"f:data\":{\"f:a\":{}}}\n");
}

TEST_F(Owners, WhatAnApplyNoLongerSaysGoesUnlessSomebodyHasIt) {
  const status::Or<Applied> first = ApplyData(nullptr, {}, R"({"a":"1","b":"1","c":"1"})", "one");
  ASSERT_TRUE(first.ok());
  Value changed = first->object;
  changed.Find("data")->Set("c", Value("2"));
  const std::string managers =
      TrackWrite(target_, &first->object, first->managers, changed, "two", "2026-01-01T00:00:01Z");
  const status::Or<Applied> second = ApplyData(&changed, managers, R"({"a":"1"})", "one");
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(Data(second->object), R"({"a":"1","c":"2"})");
  EXPECT_EQ(Shown(second->managers),
            "one+ {\"f:data\":{\"f:a\":{}}}\ntwo {\"f:data\":{\"f:c\":{}}}\n");
}

}  // namespace
}  // namespace keelson::fields
