// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/status/failure.h"

#include <gtest/gtest.h>

namespace keelson::status {
namespace {

TEST(Failures, AreWrittenAsUpstreamWritesThem) {
  EXPECT_EQ(json::WriteJson(ToJson(NotFound({"apps", "deployments"}, "web"))),
            R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure",)"
            R"("message":"deployments.apps \"web\" not found","reason":"NotFound",)"
            R"("details":{"name":"web","group":"apps","kind":"deployments"},"code":404})");
  EXPECT_EQ(json::WriteJson(ToJson(MethodNotAllowed())),
            R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure",)"
            R"("message":"the server does not allow this method on the requested resource",)"
            R"("reason":"MethodNotAllowed","details":{},"code":405})");
}

TEST(Failures, NameTheirResourceWhereThereIsOne) {
  EXPECT_EQ(Forbidden({"", "pods"}, "", "no").message, "pods is forbidden: no");
  EXPECT_EQ(Forbidden({"apps", "deployments"}, "d", "no").message,
            "deployments.apps \"d\" is forbidden: no");
  EXPECT_EQ(Forbidden({}, "", "no").message, "forbidden: no");
  EXPECT_EQ(ModifiedSince({"", "configmaps"}, "c").message,
            "Operation cannot be fulfilled on configmaps \"c\": the object has been modified; "
            "please apply your changes to the latest version and try again");
}

TEST(Invalid, SaysEachProblemOnceAndListsEveryCause) {
  const base::Result<json::Value> document = json::ParseYaml("{spec: {a: 1, b: x}}");
  const kube::Field root(*document);
  kube::Problems problems;
  problems.Required(root["spec"]["c"]);
  problems.Invalid(root["spec"]["b"], "is no number");
  problems.Required(root["spec"]["c"]);
  const Failure failure = Invalid("apps", "Deployment", "d", problems.list());
  EXPECT_EQ(failure.message,
            "Deployment.apps \"d\" is invalid: [spec.c: Required value, spec.b: Invalid value: "
            "\"x\": is no number]");
  ASSERT_EQ(failure.details.causes.size(), 3u);
  EXPECT_EQ(failure.details.causes[0].reason, "FieldValueRequired");
  EXPECT_EQ(failure.details.causes[1].field, "spec.b");
  EXPECT_EQ(failure.details.kind, "Deployment");
}

}  // namespace
}  // namespace keelson::status
