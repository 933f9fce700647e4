// SPDX-License-Identifier: Apache-2.0
// Controllers against the server in this process: what every namespace gets.
#include <gtest/gtest.h>

#include "tests/master/controlled_server.h"

namespace keelson::golden {
namespace {

using json::Value;

bool IsThere(const Value& object) { return !object.IsNull(); }

TEST(NamespaceContents, ANewNamespaceHasItsAccountAndCertificate) {
  ControlledServer server;
  server.WaitFor("/api/v1/namespaces/default/serviceaccounts/default", IsThere);
  server.Do("POST", "/api/v1/namespaces", "{kind: Namespace, apiVersion: v1, metadata: {name: a}}");
  const Value account = server.WaitFor("/api/v1/namespaces/a/serviceaccounts/default", IsThere);
  const Value map = server.WaitFor("/api/v1/namespaces/a/configmaps/kube-root-ca.crt", IsThere);
  EXPECT_TRUE(map.At({"data", "ca.crt"}).AsString().starts_with("-----BEGIN CERTIFICATE"));
  server.Do("DELETE", "/api/v1/namespaces/a/serviceaccounts/default");
  server.WaitFor("/api/v1/namespaces/a/serviceaccounts/default", [&](const Value& now) {
    return IsThere(now) && !(now.At({"metadata", "uid"}) == account.At({"metadata", "uid"}));
  });
  server.Do("PATCH", "/api/v1/namespaces/a/configmaps/kube-root-ca.crt",
            R"({"data":{"ca.crt":"wrong"}})");
  server.WaitFor("/api/v1/namespaces/a/configmaps/kube-root-ca.crt",
                 [&](const Value& now) { return now.At({"data"}) == map.At({"data"}); });
}

}  // namespace
}  // namespace keelson::golden
