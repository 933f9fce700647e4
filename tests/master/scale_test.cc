// SPDX-License-Identifier: Apache-2.0
// The whole control plane with many nodes: everything is scheduled, rolling updates keep their
// word, a tenth of the nodes dies and their pods are replaced. scripts/scale_master runs it large.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <cstdlib>

#include "tests/master/fleet.h"

namespace keelson::golden {
namespace {

using json::Value;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr char kDeployments[] = "/apis/apps/v1/namespaces/default/deployments";
constexpr size_t kApps = 10;
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr size_t kNodes = 20;  // everything takes many times as long
#else
constexpr size_t kNodes = 100;
#endif
constexpr auto kPatience = std::chrono::minutes(14);
constexpr int kPauseMillis = 5;

size_t FromEnvironment(const char* name, size_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : static_cast<size_t>(std::strtoul(text, nullptr, 10));
}

class ScaleTest : public ::testing::Test {
 protected:
  static controllers::Settings Settings() {
    controllers::Settings settings;
    settings.networks.cluster.clear();
    return settings;
  }
  static std::string App(size_t i) { return fmt::format("app-{}", i); }
  std::string Path(size_t i) { return std::string(kDeployments) + "/" + App(i); }
  size_t replicas() const { return pods_ / kApps; }

  void Deploy(size_t i) {
    server_.Do(
        "POST", kDeployments,
        fmt::format("{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: {0}}}, spec: "
                    "{{replicas: {1}, selector: {{matchLabels: {{app: {0}}}}}, template: "
                    "{{metadata: {{labels: {{app: {0}}}}}, spec: {{containers: [{{name: c, "
                    "image: one, resources: {{requests: {{cpu: 100m, memory: 64Mi}}}}}}]}}}}"
                    "}}}}",
                    App(i), replicas()));
  }
  bool IsRolledOut(size_t i) {
    const Value app = server_.Get(Path(i));
    const Value& status = app.At({"status"});
    const auto wanted = static_cast<int64_t>(replicas());
    return status.At({"observedGeneration"}) == app.At({"metadata", "generation"}) &&
           status.At({"updatedReplicas"}).AsInt() == wanted &&
           status.At({"replicas"}).AsInt() == wanted &&
           status.At({"availableReplicas"}).AsInt() == wanted;
  }
  bool AreRolledOut() {
    for (size_t i = 0; i < kApps; ++i) {
      if (!IsRolledOut(i)) return false;
    }
    return true;
  }
  // Of what has not been told to go.
  size_t Count(const std::function<bool(const Fleet::Pod&)>& counts) {
    return static_cast<size_t>(
        std::count_if(fleet_.pods().begin(), fleet_.pods().end(),
                      [&](const auto& one) { return !one.second.leaving && counts(one.second); }));
  }
  // The kubelets' work, and `each` after it, until `good`; returns seconds.
  double ServeUntil(const std::function<bool()>& good,
                    const std::function<void()>& each = nullptr) {
    const auto begin = std::chrono::steady_clock::now();
    const auto passed = [&] { return std::chrono::steady_clock::now() - begin; };
    while (passed() < kPatience) {
      const size_t changes = fleet_.Serve();
      if (each) each();
      if (HasFailure()) break;
      if (changes == 0 && good()) break;
      server_.clock().Advance(milliseconds(20));
      if (changes == 0) ::poll(nullptr, 0, kPauseMillis);
      if (server_.clock().Steady() - renewed_ > seconds(10)) {
        fleet_.Renew();
        renewed_ = server_.clock().Steady();
      }
    }
    EXPECT_LT(passed(), kPatience);
    return std::chrono::duration<double>(passed()).count();
  }
  void Say(const std::string& what, double time) {
    std::printf("%s: %.1f s\n", what.c_str(), time);
    std::fflush(stdout);
  }

  const size_t nodes_ = FromEnvironment("KEELSON_SCALE_NODES", kNodes);
  const size_t pods_ = FromEnvironment("KEELSON_SCALE_PODS", kNodes * 10);
  ControlledServer server_{Settings(), true};
  Fleet fleet_{server_};
  base::SteadyTime renewed_;
};

TEST_F(ScaleTest, PodsRunRollOnAndOutliveTheirNodes) {
  server_.WaitForQuiet();
  fleet_.Join(nodes_);
  server_.WaitForQuiet();
  for (size_t i = 0; i < kApps; ++i) Deploy(i);
  Say(fmt::format("{} pods run on {} nodes", pods_, nodes_),
      ServeUntil([&] { return AreRolledOut(); }));
  std::map<std::string, size_t> by_node;
  for (const auto& [key, pod] : fleet_.pods()) ++by_node[pod.node];
  ASSERT_EQ(fleet_.pods().size(), pods_);
  ASSERT_EQ(by_node.size(), nodes_) << "some node has none";
  // What is left decides, so all have about as many.
  for (const auto& [node, count] : by_node) EXPECT_LE(count, pods_ / nodes_ * 2) << node;

  // Half of them get another image: never more than a quarter above or below what is wanted.
  const size_t surge = (replicas() + 3) / 4;
  const size_t unavailable = replicas() / 4;
  for (size_t i = 0; i < kApps; i += 2)
    server_.Do("PATCH", Path(i),
               R"({"spec":{"template":{"spec":{"containers":[{"name":"c","image":"two",)"
               R"("resources":{"requests":{"cpu":"100m","memory":"64Mi"}}}]}}}})");
  Say("half of them have a new image",
      ServeUntil([&] { return AreRolledOut(); },
                 [&] {
                   for (size_t i = 0; i < kApps; ++i) {
                     const auto is_its = [&](const Fleet::Pod& pod) { return pod.app == App(i); };
                     const size_t all = Count(is_its);
                     const size_t ready =
                         Count([&](const Fleet::Pod& pod) { return is_its(pod) && pod.ready; });
                     ASSERT_LE(all, replicas() + surge);
                     ASSERT_GE(ready, replicas() - unavailable);
                   }
                 }));
  for (size_t i = 0; i < kApps; ++i) {
    EXPECT_EQ(Count([&](const Fleet::Pod& pod) {
                return pod.app == App(i) && pod.image == (i % 2 == 0 ? "two" : "one");
              }),
              replicas());
  }

  // A tenth of the nodes says nothing any more.
  size_t lost = 0;
  for (size_t i = 3; i < nodes_; i += 10) {
    fleet_.Die(Fleet::NameOf(i));
    lost += Count([&](const Fleet::Pod& pod) { return pod.node == Fleet::NameOf(i); });
  }
  EXPECT_GT(lost, 0u);
  const auto on_the_dead = [&](const Fleet::Pod& pod) { return fleet_.IsDead(pod.node); };
  const base::SteadyTime died = server_.clock().Steady();
  const double replaced = ServeUntil([&] { return Count(on_the_dead) == 0 && AreRolledOut(); },
                                     [&] {
                                       if (Count(on_the_dead) == 0) return;
                                       server_.clock().Advance(seconds(5));
                                       fleet_.Renew();
                                       server_.WaitForQuiet();
                                     });
  Say(fmt::format("{} pods of dead nodes are replaced, {} s of the cluster's time after that", lost,
                  std::chrono::duration_cast<seconds>(server_.clock().Steady() - died).count()),
      replaced);
  EXPECT_EQ(Count([](const Fleet::Pod& pod) { return pod.ready; }), pods_);

  // Somebody takes the dead nodes away, and with them what is left of their pods.
  for (size_t i = 3; i < nodes_; i += 10) server_.Do("DELETE", "/api/v1/nodes/" + Fleet::NameOf(i));
  ServeUntil([&] { return fleet_.pods().size() == pods_; },
             [&] { server_.clock().Advance(seconds(5)); });
}

}  // namespace
}  // namespace keelson::golden
