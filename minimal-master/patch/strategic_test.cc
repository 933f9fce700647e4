// SPDX-License-Identifier: Apache-2.0
// The directives one by one; the recorded patches are replayed through the server (tests/master).
#include "minimal-master/patch/strategic.h"

#include <gtest/gtest.h>

#include "minimal-master/schema/resources.h"

namespace keelson::patch {
namespace {

json::Value Yaml(const std::string& text) {
  base::Result<json::Value> value = json::ParseYaml(text);
  EXPECT_TRUE(value.ok()) << value.error().message();
  return value.ok() ? *value : json::Value();
}

std::string Patched(std::string_view group, std::string_view kind, const std::string& object,
                    const std::string& patch) {
  const schema::Type* type = schema::Find(group, "v1", kind);
  if (type == nullptr) return "no such type";
  const status::Or<json::Value> out = ApplyStrategicMerge(Yaml(object), Yaml(patch), *type);
  return out.ok() ? json::WriteJson(*out) : out.failure().message;
}

std::string Pod(const std::string& spec, const std::string& patch) {
  return Patched("", "Pod", "{spec: " + spec + "}", "{spec: " + patch + "}");
}

TEST(StrategicMerge, MapsMergeAndNullTakesAway) {
  EXPECT_EQ(Patched("", "ConfigMap", "{data: {a: '1', b: '2'}}", "{data: {a: null, c: '3'}}"),
            R"({"data":{"b":"2","c":"3"}})");
  EXPECT_EQ(Patched("", "ConfigMap", "{}", "{data: {a: null, c: '3'}}"), R"({"data":{"c":"3"}})");
}

TEST(StrategicMerge, ListsMergeByTheirKeyOrAreReplaced) {
  EXPECT_EQ(Pod("{containers: [{name: a, image: x}, {name: b, image: y}]}",
                "{containers: [{name: b, image: z}, {name: c, image: w}]}"),
            R"({"spec":{"containers":[{"name":"a","image":"x"},{"name":"b","image":"z"},)"
            R"({"name":"c","image":"w"}]}})");
  EXPECT_EQ(Pod("{tolerations: [{key: a}, {key: b}]}", "{tolerations: [{key: c}]}"),
            R"({"spec":{"tolerations":[{"key":"c"}]}})");
  EXPECT_EQ(
      Patched("", "Pod", "{metadata: {finalizers: [a, b]}}", "{metadata: {finalizers: [c, b]}}"),
      R"({"metadata":{"finalizers":["c","a","b"]}})");
}

TEST(StrategicMerge, DirectivesDeleteAndReplace) {
  EXPECT_EQ(
      Pod("{containers: [{name: a}, {name: b}]}", "{containers: [{$patch: delete, name: a}]}"),
      R"({"spec":{"containers":[{"name":"b"}]}})");
  EXPECT_EQ(Pod("{containers: [{name: a}, {name: b}]}",
                "{containers: [{$patch: replace}, {name: c, image: null}]}"),
            R"({"spec":{"containers":[{"name":"c"}]}})");
  EXPECT_EQ(Patched("", "ConfigMap", "{data: {a: '1'}}", "{data: {$patch: replace, b: '2'}}"),
            R"({"data":{"b":"2"}})");
  EXPECT_EQ(Patched("", "ConfigMap", "{data: {a: '1'}}", "{data: {$patch: delete}}"),
            R"({"data":{}})");
  EXPECT_EQ(Patched("", "Pod", "{metadata: {finalizers: [a, b, c]}}",
                    "{metadata: {$deleteFromPrimitiveList/finalizers: [b]}}"),
            R"({"metadata":{"finalizers":["a","c"]}})");
}

TEST(StrategicMerge, RetainedKeysAreAllThatStays) {
  EXPECT_EQ(Patched("apps", "Deployment",
                    "{spec: {strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 1}}}}",
                    "{spec: {strategy: {$retainKeys: [type], type: Recreate}}}"),
            R"({"spec":{"strategy":{"type":"Recreate"}}})");
  EXPECT_EQ(Patched("apps", "Deployment", "{spec: {}}",
                    "{spec: {strategy: {$retainKeys: [type], rollingUpdate: {}}}}"),
            "invalid patch format of retainKeys");
}

TEST(StrategicMerge, OrderIsThePatchsWithTheServersOwnBetween) {
  EXPECT_EQ(Pod("{containers: [{name: a}, {name: x}, {name: b}]}",
                "{$setElementOrder/containers: [{name: b}, {name: c}, {name: a}],"
                " containers: [{name: c, image: i}]}"),
            R"({"spec":{"containers":[{"name":"x"},{"name":"b"},{"name":"c","image":"i"},)"
            R"({"name":"a"}]}})");
  EXPECT_EQ(Pod("{containers: [{name: c}]}",
                "{$setElementOrder/containers: [{name: q}], containers: [{name: c}]}"),
            "The order in patch list:\n[map[name:c]]\n doesn't match $setElementOrder "
            "list:\n[map[name:q]]\n");
}

TEST(StrategicMerge, WhatCannotBeMergedIsRefused) {
  EXPECT_EQ(Pod("{containers: []}", "{containers: [{image: x}]}"),
            "map: map[image:x] does not contain declared merge key: name");
  EXPECT_EQ(Pod("{containers: [{name: c}]}", "{containers: [a]}"),
            "list element types are not identical: [[map[name:c]] [a]]");
  EXPECT_EQ(Patched("", "ConfigMap", "{data: {}}", "{data: {$patch: bogus}}"),
            "unknown patch type: bogus in map: map[$patch:bogus]");
}

}  // namespace
}  // namespace keelson::patch
