// SPDX-License-Identifier: Apache-2.0
// While clients keep asking Services at their addresses, from a pod and from the node, what leads
// them elsewhere costs not one request: a rolling update, scaling up and down, a pod deleted.
// Three kinds of pods, each of which serves for a while after it was told to end, as a user sees to
// it: by a preStop hook that sleeps, by a server that drains, and the demo, whose shell server as a
// first process hears no SIGTERM.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/base/testing/places.h"
#include "lib/os/files.h"
#include "tests/cluster/traffic_fixture.h"

namespace keelson::cluster_test {
namespace {

using ::testing::IsEmpty;

// Long enough for rules to follow on a machine that is ten times slower.
constexpr int kServesOn = 15;

class TrafficTest : public TrafficFixture {
 protected:
  void MakeDemo() {
    std::string words = os::ReadFile(base::SourceDir() + "/examples/cluster-web.yaml").value();
    const std::string grace = "terminationGracePeriodSeconds: 5\n";
    const size_t at = words.find(grace);
    ASSERT_NE(at, std::string::npos);
    words.replace(at, grace.size(), "terminationGracePeriodSeconds: 15\n");
    ASSERT_TRUE(os::WriteFileAtomic(dir_.path() + "/demo.yaml", words, 0644).ok());
    const Said applied = Keelson({"apply", "--state-dir", state(), dir_.path() + "/demo.yaml"});
    ASSERT_EQ(applied.code, 0) << applied.text << Logs();
  }
  void AwaitAll() {
    for (const char* app : kApps)
      ASSERT_TRUE(Eventually([&] { return IsRolledOut(app); }, std::chrono::minutes(5)))
          << app << "\n"
          << Describe(app) << Logs();
  }
  static constexpr const char* kApps[] = {"sleeps", "drains", "web"};
};

TEST_F(TrafficTest, NotOneRequestFailsWhilePodsComeAndGo) {
  OnCluster([&] {
    MakeApp("sleeps", 3, Ends::kAfterSleep, kServesOn);
    MakeApp("drains", 3, Ends::kByDraining, kServesOn);
    ASSERT_NO_FATAL_FAILURE(MakeDemo());
    const os::UniqueFd pod = ClientPod();
    ASSERT_NO_FATAL_FAILURE(AwaitAll());
    std::map<std::string, std::unique_ptr<Clients>> clients;
    for (const char* app : kApps) {
      const std::string address = ClusterIp(app);
      // The first answer tells that the rules are there; from then on none may fail.
      ASSERT_TRUE(Eventually([&] {
        return Output({"curl", "-fsm", "60", "http://" + address}).code == 0;
      })) << app;
      for (const bool from_pod : {true, false})
        clients[std::string(app) + (from_pod ? " from a pod" : " from the node")] =
            std::make_unique<Clients>(Clients::Target{address, 80, ""}, from_pod ? pod.get() : -1,
                                      3);
    }
    const auto all_well = [&](const std::string& what) {
      std::fprintf(stderr, "%s\n", what.c_str());
      for (const auto& [name, one] : clients) {
        const Tally tally = one->Now();
        std::fprintf(stderr, "  %s: %lu asked, the slowest took %ld ms\n", name.c_str(),
                     tally.asked, tally.slowest);
        EXPECT_THAT(tally.failures, IsEmpty()) << name << " " << what;
      }
    };
    for (const auto& [name, one] : clients)
      ASSERT_TRUE(Eventually([&, &one = one] { return one->Now().answered > 0; })) << name;
    all_well("at first");

    for (const char* unavailable : {"0", "\"25%\""}) {
      const std::string version = std::string("v") + (unavailable[0] == '0' ? "2" : "3");
      for (const char* app : kApps) {
        (void)Patch(Deployment(app), std::string(R"({"spec":{"strategy":{"rollingUpdate":{)") +
                                         R"("maxSurge":1,"maxUnavailable":)" + unavailable +
                                         "}}}}");
        if (std::string(app) == "web")
          (void)Patch(Deployment(app), R"({"spec":{"template":{"metadata":{"annotations":{)"
                                       R"("version":")" +
                                           version + R"("}}}}})");
        else
          SetVersion(app, version);
      }
      ASSERT_NO_FATAL_FAILURE(AwaitAll());
      // The new ones are asked, too.
      for (const auto& [name, one] : clients) {
        if (name.starts_with("web")) continue;
        EXPECT_TRUE(Eventually([&, &one = one] { return one->Now().answers.count(version) > 0; }))
            << name;
      }
      all_well(std::string("a rolling update with maxUnavailable ") + unavailable);
    }
    for (const int replicas : {6, 2}) {
      for (const char* app : kApps) Scale(app, replicas);
      ASSERT_NO_FATAL_FAILURE(AwaitAll());
      all_well("scaled to " + std::to_string(replicas));
    }
    for (const char* app : kApps) {
      const std::vector<json::Value> pods = PodsOf(app);
      ASSERT_EQ(pods.size(), 2u);
      (void)Ask("DELETE", std::string(kPods) + "/" + pods[0].At({"metadata", "name"}).AsString());
      ASSERT_TRUE(Eventually([&] {
        for (const json::Value& one : PodsOf(app))
          if (one.At({"metadata", "uid"}) == pods[0].At({"metadata", "uid"})) return false;
        return IsRolledOut(app);
      })) << Describe(app);
    }
    // Until the last that was told to end is gone.
    EXPECT_TRUE(Eventually([&] { return Ask("GET", kPods).At({"items"}).items().size() == 7; },
                           std::chrono::minutes(3)))
        << Describe("sleeps");
    for (const auto& [name, one] : clients) one->Stop();
    all_well("pods deleted");
  });
}

}  // namespace
}  // namespace keelson::cluster_test
