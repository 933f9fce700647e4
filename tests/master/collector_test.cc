// SPDX-License-Identifier: Apache-2.0
// The garbage collector against the server in this process: what becomes of what is owned.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/master/controlled_server.h"

namespace keelson::golden {
namespace {

using json::Value;

constexpr char kMaps[] = "/api/v1/namespaces/default/configmaps";

controllers::Settings Only() { return {.enabled = {"garbage-collector-controller"}}; }

std::string Uid(const Value& object) { return object.At({"metadata", "uid"}).AsString(); }

std::string Reference(const std::string& name, const std::string& uid, bool blocks = false) {
  return fmt::format(
      "{{apiVersion: v1, kind: ConfigMap, name: {}, uid: {}, blockOwnerDeletion: {}}}", name, uid,
      blocks);
}

Value Make(ControlledServer& server, const std::string& name, const std::string& owners = "",
           const std::string& finalizer = "") {
  return server.Do("POST", kMaps,
                   fmt::format("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: {}, "
                               "ownerReferences: [{}], finalizers: [{}]}}}}",
                               name, owners, finalizer));
}

void Delete(ControlledServer& server, const std::string& name, const std::string& policy) {
  server.Do("DELETE", fmt::format("{}/{}?propagationPolicy={}", kMaps, name, policy));
}

std::string At(const std::string& name) { return fmt::format("{}/{}", kMaps, name); }

TEST(Collector, InTheBackgroundWhatIsOwnedFollows) {
  ControlledServer server(Only());
  const Value top = Make(server, "top");
  const Value middle = Make(server, "middle", Reference("top", Uid(top)));
  Make(server, "leaf", Reference("middle", Uid(middle)));
  Make(server, "other");
  Delete(server, "top", "Background");
  server.WaitUntilGone(At("leaf"));
  server.WaitUntilGone(At("middle"));
  EXPECT_FALSE(server.Get(At("other")).IsNull());
}

TEST(Collector, InTheForegroundTheOwnerIsTheLast) {
  ControlledServer server(Only());
  const Value top = Make(server, "top");
  const Value middle = Make(server, "middle", Reference("top", Uid(top), true));
  Make(server, "leaf", Reference("middle", Uid(middle), true), "test/hold");
  Make(server, "loose", Reference("top", Uid(top)));
  Delete(server, "top", "Foreground");
  server.WaitUntilGone(At("loose"));
  server.WaitForQuiet();
  for (const char* name : {"top", "middle", "leaf"}) {
    EXPECT_TRUE(server.Get(At(name)).At({"metadata", "deletionTimestamp"}).IsString()) << name;
  }
  server.Do("PATCH", At("leaf"), R"({"metadata":{"finalizers":null}})");
  server.WaitUntilGone(At("top"));
  EXPECT_TRUE(server.Get(At("middle")).IsNull());
  EXPECT_TRUE(server.Get(At("leaf")).IsNull());
}

TEST(Collector, OrphansStayWithoutTheirOwner) {
  ControlledServer server(Only());
  const Value top = Make(server, "top");
  const Value second = Make(server, "second");
  Make(server, "leaf", Reference("top", Uid(top)) + ", " + Reference("second", Uid(second)));
  Delete(server, "top", "Orphan");
  server.WaitUntilGone(At("top"));
  server.WaitForQuiet();
  const Value leaf = server.Get(At("leaf"));
  ASSERT_EQ(leaf.At({"metadata", "ownerReferences"}).items().size(), 1u);
  EXPECT_EQ(leaf.At({"metadata", "ownerReferences"}).items()[0].At({"name"}).AsString(), "second");
}

TEST(Collector, AnOwnerThatIsNotThereTakesWhatNamesIt) {
  ControlledServer server(Only());
  const Value top = Make(server, "top");
  // Of the same name, but not the one that is meant.
  Make(server, "wrong", Reference("top", "6d8f2b1c-0000-4000-8000-000000000000"));
  server.WaitUntilGone(At("wrong"));
  // Whose kind nobody knows may be there.
  Make(server, "unknown",
       "{apiVersion: example.org/v1, kind: Thing, name: t, uid: "
       "6d8f2b1c-0000-4000-8000-000000000001}");
  server.WaitForQuiet();
  EXPECT_FALSE(server.Get(At("unknown")).IsNull());
}

TEST(Collector, AnOwnerOfAnotherNamespaceIsNone) {
  ControlledServer server({.enabled = {"garbage-collector-controller"}});
  server.Do("POST", "/api/v1/namespaces", "{kind: Namespace, apiVersion: v1, metadata: {name: b}}");
  const Value top = Make(server, "top");
  server.Do("POST", "/api/v1/namespaces/b/configmaps",
            fmt::format("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: leaf, "
                        "ownerReferences: [{}]}}}}",
                        Reference("top", Uid(top))));
  server.WaitUntilGone("/api/v1/namespaces/b/configmaps/leaf");
  server.WaitFor("/api/v1/namespaces/b/events", [](const Value& events) {
    for (const Value& event : events.At({"items"}).items()) {
      if (event.At({"reason"}).AsString() == "OwnerRefInvalidNamespace") return true;
    }
    return false;
  });
}

size_t Count(ControlledServer& server, const std::string& path) {
  return server.Get(path).At({"items"}).items().size();
}

// With every controller there is: nobody makes anew what goes.
TEST(Collector, ADeploymentGoesAsItIsAsked) {
  const std::string space = "/apis/apps/v1/namespaces/default";
  const std::string pods = "/api/v1/namespaces/default/pods";
  for (const std::string policy : {"Background", "Foreground", "Orphan"}) {
    SCOPED_TRACE(policy);
    ControlledServer server;
    server.WaitFor("/api/v1/namespaces/default/serviceaccounts/default",
                   [](const Value& account) { return !account.IsNull(); });
    server.Do("POST", space + "/deployments",
              "{apiVersion: apps/v1, kind: Deployment, metadata: {name: d}, spec: {replicas: 3, "
              "selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: "
              "{containers: [{name: c, image: i}]}}}}");
    server.WaitFor(pods, [](const Value& list) { return list.At({"items"}).items().size() == 3; });
    server.WaitForQuiet();
    server.Do("DELETE", space + "/deployments/d?propagationPolicy=" + policy);
    server.WaitUntilGone(space + "/deployments/d");
    if (policy == "Orphan") {
      server.WaitForQuiet();
      ASSERT_EQ(Count(server, space + "/replicasets"), 1u);
      const Value set = server.Get(space + "/replicasets").At({"items"}).items()[0];
      EXPECT_TRUE(set.At({"metadata", "ownerReferences"}).items().empty());
      EXPECT_EQ(Count(server, pods), 3u);
      continue;
    }
    if (policy == "Foreground") {
      EXPECT_EQ(Count(server, space + "/replicasets"), 0u) << "the owner is the last to go";
      EXPECT_EQ(Count(server, pods), 0u);
    }
    server.WaitFor(space + "/replicasets",
                   [](const Value& list) { return list.At({"items"}).items().empty(); });
    server.WaitFor(pods, [](const Value& list) { return list.At({"items"}).items().empty(); });
    server.WaitForQuiet();
    EXPECT_EQ(Count(server, pods), 0u);
  }
}

}  // namespace
}  // namespace keelson::golden
