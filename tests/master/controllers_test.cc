// SPDX-License-Identifier: Apache-2.0
// Controllers against the server in this process: what every namespace gets, and how it ends.
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

TEST(NamespaceContents, ANamespaceEndsWithAllThatIsInIt) {
  ControlledServer server;
  server.Do("POST", "/api/v1/namespaces", "{kind: Namespace, apiVersion: v1, metadata: {name: a}}");
  const std::string space = "/api/v1/namespaces/a";
  server.WaitFor(space + "/serviceaccounts/default", IsThere);
  server.Do("POST", space + "/configmaps",
            "{apiVersion: v1, kind: ConfigMap, metadata: {name: held, finalizers: [test/hold]}}");
  server.Do("POST", space + "/secrets", "{apiVersion: v1, kind: Secret, metadata: {name: s}}");
  server.Do("POST", space + "/pods",
            "{apiVersion: v1, kind: Pod, metadata: {name: p, finalizers: [test/hold]}, spec: "
            "{containers: [{name: c, image: i}]}}");
  server.Do("DELETE", space);
  // Pods keep the rest.
  const auto says = [&](const std::string& what) {
    return [what](const Value& now) {
      for (const Value& one : now.At({"status", "conditions"}).items()) {
        if (one.At({"type"}).AsString() == "NamespaceContentRemaining" &&
            one.At({"message"}).AsString().find(what) != std::string::npos)
          return true;
      }
      return false;
    };
  };
  server.WaitFor(space, says("pods. has 1 resource instances"));
  EXPECT_TRUE(IsThere(server.Get(space + "/secrets/s")));
  server.Do("PATCH", space + "/pods/p", R"({"metadata":{"finalizers":null}})");
  server.WaitUntilGone(space + "/secrets/s");
  server.WaitFor(space, says("configmaps. has "));
  EXPECT_EQ(server.Get(space).At({"status", "phase"}).AsString(), "Terminating");
  server.Do("PATCH", space + "/configmaps/held", R"({"metadata":{"finalizers":null}})");
  server.WaitUntilGone(space);
  EXPECT_FALSE(IsThere(server.Get(space + "/configmaps/held")));
}

}  // namespace
}  // namespace keelson::golden
