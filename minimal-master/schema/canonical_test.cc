// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/schema/canonical.h"

#include <gtest/gtest.h>

#include <string>

#include "minimal-master/schema/decode.h"

namespace keelson::schema {
namespace {

std::string Written(std::string_view json, const Type& type) {
  return WriteCanonical(*DecodeAny(json), type);
}

TEST(Canonical, WritesZeroValuesAsGoDoes) {
  EXPECT_EQ(
      Written("{}", *Find("", "v1", "Event")),
      R"({"metadata":{},"involvedObject":{},"source":{},"firstTimestamp":null,)"
      R"("lastTimestamp":null,"eventTime":null,"reportingComponent":"","reportingInstance":""})");
  EXPECT_EQ(Written("{}", *Find("rbac.authorization.k8s.io", "v1", "Role")),
            R"({"metadata":{},"rules":null})");
  EXPECT_EQ(Written("{}", *Find("apps", "v1", "ControllerRevision")),
            R"({"metadata":{},"data":null,"revision":0})");
  EXPECT_EQ(
      Written(R"({"spec":{"ports":[{}]}})", *Find("", "v1", "Service")),
      R"({"metadata":{},"spec":{"ports":[{"port":0,"targetPort":0}]},"status":{"loadBalancer":{}}})");
}

TEST(Canonical, EmptyListsAreNoneButItemsStay) {
  EXPECT_EQ(Written(R"({"rules":[]})", *Find("rbac.authorization.k8s.io", "v1", "Role")),
            R"({"metadata":{},"rules":null})");
  EXPECT_EQ(Written(R"({"metadata":{"resourceVersion":"5"}})", *Find("", "v1", "PodList")),
            R"({"metadata":{"resourceVersion":"5"},"items":[]})");
}

TEST(Canonical, PointersToZeroStay) {
  EXPECT_EQ(Written(R"({"spec":{"replicas":0,"paused":false,"minReadySeconds":0}})",
                    *Find("apps", "v1", "Deployment")),
            R"({"metadata":{},"spec":{"replicas":0,"selector":null,"template":{"metadata":{},)"
            R"("spec":{"containers":null}},"strategy":{}},"status":{}})");
  EXPECT_EQ(
      Written(R"({"spec":{"podSelector":{}}})", *Find("networking.k8s.io", "v1", "NetworkPolicy")),
      R"({"metadata":{},"spec":{"podSelector":{}}})");
}

TEST(Canonical, SortsMapsLeavesOutTheUnknownAndEscapesAsGoDoes) {
  EXPECT_EQ(Written("{\"data\":{\"b\":\"<a&b>\\u2028\\u0001\\b\",\"a\":\"\xC3\xA9\"},\"foo\":1}",
                    *Find("", "v1", "ConfigMap")),
            "{\"metadata\":{},\"data\":{\"a\":\"\xC3\xA9\",\"b\":"
            "\"\\u003ca\\u0026b\\u003e\\u2028\\u0001\\b\"}}");
}

TEST(Canonical, KeepsWhatIsJsonOfAnyForm) {
  EXPECT_EQ(Written(R"({"data":{"z":[],"a":{},"n":null},"revision":1})",
                    *Find("apps", "v1", "ControllerRevision")),
            R"({"metadata":{},"data":{"z":[],"a":{},"n":null},"revision":1})");
}

TEST(Canonical, ValueHasItsMembersInOrder) {
  const Type& pod = *Find("", "v1", "Pod");
  const json::Value value =
      Canonical(*DecodeAny(R"({"status":{},"spec":{"containers":[]},"kind":"Pod"})"), pod);
  ASSERT_EQ(value.members().size(), 4u);
  EXPECT_EQ(value.members()[0].first, "kind");
  EXPECT_EQ(value.members()[1].first, "metadata");
  EXPECT_TRUE(value.At({"spec", "containers"}).IsNull());
}

}  // namespace
}  // namespace keelson::schema
