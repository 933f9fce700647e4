// SPDX-License-Identifier: Apache-2.0
// Nodes that stop to report, against the server in this process; the test is their kubelets.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "minimal-master/control/times.h"
#include "tests/master/controlled_server.h"

namespace keelson::golden {
namespace {

using json::Value;
using std::chrono::seconds;

constexpr char kLeases[] = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";

std::string Ready(const Value& object) {
  for (const Value& one : object.At({"status", "conditions"}).items()) {
    if (one.At({"type"}).AsString() == "Ready") return one.At({"status"}).AsString();
  }
  return "none";
}

bool HasTaint(const Value& node, std::string_view key, std::string_view effect) {
  for (const Value& one : node.At({"spec", "taints"}).items()) {
    if (one.At({"key"}).AsString() == key && one.At({"effect"}).AsString() == effect) return true;
  }
  return false;
}

class NodesTest : public testing::Test {
 protected:
  std::string Node(const std::string& name) { return "/api/v1/nodes/" + name; }
  void Join(const std::string& name) {
    server_.Do("POST", "/api/v1/nodes",
               fmt::format("{{apiVersion: v1, kind: Node, metadata: {{name: {}}}, status: "
                           "{{conditions: [{{type: Ready, status: 'True', reason: KubeletReady, "
                           "lastHeartbeatTime: '2026-01-01T00:00:00Z', lastTransitionTime: "
                           "'2026-01-01T00:00:00Z'}}]}}}}",
                           name));
    server_.Do("POST", kLeases,
               fmt::format("{{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {{name: "
                           "{}}}, spec: {{holderIdentity: {}, renewTime: '{}'}}}}",
                           name, name, Now()));
    server_.WaitFor(Node(name), [](const Value& node) {
      return !HasTaint(node, "node.kubernetes.io/not-ready", "NoSchedule");
    });
    server_.WaitForQuiet();  // its lease was heard of before any time passes
  }
  void Renew(const std::string& name) {
    server_.Do("PATCH", fmt::format("{}/{}", kLeases, name),
               fmt::format(R"({{"spec":{{"renewTime":"{}"}}}})", Now()));
    server_.WaitForQuiet();
  }
  std::string Now() { return control::MicroTimeText(server_.clock().WallNanos()); }
  void Run(const std::string& name, const std::string& node, const std::string& tolerations = "") {
    const std::string path = "/api/v1/namespaces/default/pods";
    server_.Do("POST", path,
               fmt::format("{{apiVersion: v1, kind: Pod, metadata: {{name: {}}}, spec: {{nodeName: "
                           "{}, containers: [{{name: c, image: i}}], tolerations: [{}]}}}}",
                           name, node, tolerations));
    server_.Do("PATCH", path + "/" + name + "/status",
               R"({"status":{"phase":"Running","conditions":[{"type":"Ready","status":"True"}]}})");
  }
  std::string Pod(const std::string& name) { return "/api/v1/namespaces/default/pods/" + name; }
  void Advance(seconds by) {
    server_.clock().Advance(by);
    server_.WaitForQuiet();
  }

  ControlledServer server_{
      {.enabled = {"serviceaccount-controller", "node-lifecycle-controller",
                   "taint-eviction-controller", "pod-garbage-collector-controller"}}};
};

TEST_F(NodesTest, ANodeThatStopsItsLeaseIsUnknownAfterItsGrace) {
  server_.WaitFor("/api/v1/namespaces/default/serviceaccounts/default",
                  [](const Value& account) { return !account.IsNull(); });
  Join("a");
  Join("b");
  Run("p", "b");
  Advance(seconds(40));
  Renew("a");
  EXPECT_EQ(Ready(server_.Get(Node("b"))), "True");
  Advance(seconds(11));
  const Value silent = server_.WaitFor(Node("b"), [](const Value& node) {
    return HasTaint(node, "node.kubernetes.io/unreachable", "NoExecute");
  });
  EXPECT_EQ(Ready(silent), "Unknown");
  EXPECT_TRUE(HasTaint(silent, "node.kubernetes.io/unreachable", "NoSchedule"));
  EXPECT_EQ(Ready(server_.Get(Node("a"))), "True");
  server_.WaitFor(Pod("p"), [](const Value& pod) { return Ready(pod) == "False"; });
  // It reports again.
  server_.Do("PATCH", Node("b") + "/status",
             R"({"status":{"conditions":[{"type":"Ready","status":"True",)"
             R"("lastHeartbeatTime":"2026-01-01T00:01:00Z"}]}})");
  server_.WaitFor(Node("b"),
                  [](const Value& node) { return node.At({"spec", "taints"}).items().empty(); });
}

TEST_F(NodesTest, PodsLeaveASilentNodeWhenTheirTolerationsRunOut) {
  server_.WaitFor("/api/v1/namespaces/default/serviceaccounts/default",
                  [](const Value& account) { return !account.IsNull(); });
  Join("a");
  Join("b");
  Run("soon", "b",
      "{key: node.kubernetes.io/unreachable, operator: Exists, effect: NoExecute, "
      "tolerationSeconds: 10}");
  Run("later", "b");  // five minutes, as everything that says nothing
  Run("never", "b", "{operator: Exists}");
  server_.clock().Advance(seconds(49));
  Renew("a");
  server_.clock().Advance(seconds(2));
  server_.WaitFor(Node("b"), [](const Value& node) {
    return HasTaint(node, "node.kubernetes.io/unreachable", "NoExecute");
  });
  server_.WaitForQuiet();
  const auto is_going = [](const Value& pod) {
    return pod.At({"metadata", "deletionTimestamp"}).IsString();
  };
  EXPECT_FALSE(is_going(server_.Get(Pod("soon"))));
  Renew("a");
  server_.clock().Advance(seconds(12));
  const Value gone = server_.WaitFor(Pod("soon"), is_going);
  EXPECT_TRUE(std::any_of(gone.At({"status", "conditions"}).items().begin(),
                          gone.At({"status", "conditions"}).items().end(), [](const Value& one) {
                            return one.At({"type"}).AsString() == "DisruptionTarget";
                          }));
  EXPECT_FALSE(is_going(server_.Get(Pod("later"))));
  for (int i = 0; i < 10; ++i) {
    Renew("a");
    Advance(seconds(30));
  }
  server_.WaitFor(Pod("later"), is_going);
  EXPECT_FALSE(is_going(server_.Get(Pod("never"))));
}

TEST_F(NodesTest, WhereNoNodeReportsNoneIsEmptied) {
  Join("a");
  Advance(seconds(51));
  const Value node = server_.WaitFor(Node("a"), [](const Value& now) {
    return HasTaint(now, "node.kubernetes.io/unreachable", "NoSchedule");
  });
  Advance(seconds(60));
  EXPECT_FALSE(HasTaint(server_.Get(Node("a")), "node.kubernetes.io/unreachable", "NoExecute"));
  EXPECT_EQ(Ready(node), "Unknown");
}

TEST_F(NodesTest, PodsOfANodeThatIsGoneGoAfterAWhile) {
  server_.WaitFor("/api/v1/namespaces/default/serviceaccounts/default",
                  [](const Value& account) { return !account.IsNull(); });
  Join("a");
  Join("b");
  Run("p", "a");
  Run("q", "b");
  server_.Do("DELETE", Node("a"));
  server_.WaitForQuiet();
  EXPECT_FALSE(server_.Get(Pod("p")).IsNull());
  server_.clock().Advance(seconds(41));
  server_.WaitUntilGone(Pod("p"));
  EXPECT_FALSE(server_.Get(Pod("q")).IsNull());
  // One that will not come back gives up what was deleted on it.
  server_.Do("DELETE", Pod("q"));
  server_.WaitForQuiet();
  EXPECT_FALSE(server_.Get(Pod("q")).IsNull());
  server_.Do("PATCH", Node("b") + "/status",
             R"({"status":{"conditions":[{"type":"Ready","status":"Unknown"}]}})");
  server_.Do("PATCH", Node("b"),
             R"({"spec":{"taints":[{"key":"node.kubernetes.io/out-of-service",)"
             R"("effect":"NoExecute"}]}})");
  server_.WaitUntilGone(Pod("q"));
}

TEST(NodeNetworks, EveryNodeHasItsOwn) {
  controllers::Settings settings{.enabled = {"node-ipam-controller", "ttl-controller"}};
  settings.networks.cluster = {"10.42.0.0/23", "fd00:42::/56"};
  ControlledServer server(settings);
  const auto join = [&](const std::string& name) {
    server.Do("POST", "/api/v1/nodes",
              "{apiVersion: v1, kind: Node, metadata: {name: " + name + "}}");
  };
  const auto networks = [&](const std::string& name) {
    const Value node = server.WaitFor("/api/v1/nodes/" + name, [](const Value& now) {
      return !now.At({"spec", "podCIDRs"}).items().empty();
    });
    EXPECT_EQ(node.At({"spec", "podCIDR"}), node.At({"spec", "podCIDRs"}).items()[0]);
    return node.At({"spec", "podCIDRs"});
  };
  join("a");
  const Value first = networks("a");
  EXPECT_EQ(first, Value::Array({Value("10.42.0.0/24"), Value("fd00:42::/64")}));
  join("b");
  EXPECT_EQ(networks("b"), Value::Array({Value("10.42.1.0/24"), Value("fd00:42:0:1::/64")}));
  // None is left until somebody goes.
  join("c");
  server.WaitFor("/api/v1/nodes/c", [](const Value& now) {
    return now.At({"metadata", "annotations", "node.alpha.kubernetes.io/ttl"}).AsString() == "0";
  });
  server.Do("DELETE", "/api/v1/nodes/a");
  EXPECT_EQ(networks("c").items()[0], first.items()[0]);
}

}  // namespace
}  // namespace keelson::golden
