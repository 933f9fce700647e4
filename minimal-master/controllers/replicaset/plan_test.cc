// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/replicaset/plan.h"

#include <gmock/gmock.h>

#include "minimal-master/controllers/pods/fake_pods.h"

namespace keelson::replicaset {
namespace {

using pods::FakePod;
using pods::Phase;
using pods::PodFacts;
using pods::PodPtr;
using ::testing::ElementsAre;

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kNow = 1'767'225'600 * kSecond;  // 2026-01-01T00:00:00Z

json::Value Set(int replicas, const std::string& spec = "", const std::string& more = "") {
  return *json::ParseJson(
      R"({"apiVersion":"apps/v1","kind":"ReplicaSet","metadata":{"name":"web","namespace":"ns",)"
      R"("uid":"uid-web","generation":3},"spec":{"replicas":)" +
      std::to_string(replicas) +
      R"(,"selector":{"matchLabels":{"app":"web"}},"template":{"metadata":{"labels":{"app":"web"}}})" +
      spec + "}" + more + "}");
}

std::vector<PodPtr> Pods(size_t count) {
  std::vector<PodPtr> out;
  for (size_t i = 0; i < count; ++i) out.push_back(FakePod("p" + std::to_string(i)));
  return out;
}

TEST(ReplicaSetPlan, MakesUpForWhatIsMissingAndTooMany) {
  struct Case {
    std::string_view name;
    int replicas;
    size_t pods;
    size_t create;
    size_t remove;
  };
  for (const Case& c : std::initializer_list<Case>{{"as many as wanted", 3, 3, 0, 0},
                                                   {"too few", 3, 1, 2, 0},
                                                   {"too many", 1, 4, 0, 3},
                                                   {"none", 0, 2, 0, 2},
                                                   {"at most 500 at once", 2000, 1, 500, 0},
                                                   {"at most 500 go", 0, 700, 0, 500}}) {
    SCOPED_TRACE(c.name);
    const json::Value set = Set(c.replicas);
    const Plan plan = MakePlan({kReplicaSet, set, Pods(c.pods), {}});
    EXPECT_EQ(plan.create, c.create);
    EXPECT_EQ(plan.remove, c.remove);
    EXPECT_EQ(plan.active.size(), c.pods);
    EXPECT_TRUE(plan.claims.empty());
  }
}

TEST(ReplicaSetPlan, CountsNeitherTheEndedNorTheEnding) {
  const json::Value set = Set(3);
  std::vector<PodPtr> owned = Pods(1);
  owned.push_back(FakePod("ended", [](PodFacts& pod) { pod.phase = Phase::kSucceeded; }));
  owned.push_back(FakePod("ending", [](PodFacts& pod) { pod.deletion = kNow; }));
  const Plan plan = MakePlan({kReplicaSet, set, owned, {}});
  EXPECT_EQ(plan.active.size(), 1u);
  EXPECT_EQ(plan.ending, 1u);
  EXPECT_EQ(plan.create, 2u);
}

TEST(ReplicaSetPlan, AdoptsWhatItSelectsAndLetsGoWhatItDoesNot) {
  const json::Value set = Set(1);
  const PodPtr other = FakePod("other", [](PodFacts& pod) {
    pod.object =
        pods::FakeObject("other", {{"app", "db"}},
                         R"({"metadata":{"ownerReferences":[{"uid":"uid-web"},{"uid":"uid-x"}]}})");
  });
  const PodPtr stranger = FakePod(
      "stranger", [](PodFacts& pod) { pod.object = pods::FakeObject("stranger", {{"a", "b"}}); });
  const Plan plan = MakePlan({kReplicaSet, set, {other}, {FakePod("lost"), stranger}});
  EXPECT_EQ(plan.create, 0u);
  ASSERT_EQ(plan.active.size(), 1u);
  EXPECT_EQ(plan.active[0]->name(), "lost");
  ASSERT_EQ(plan.claims.size(), 2u);
  EXPECT_EQ(plan.claims[0].name, "other");
  EXPECT_EQ(json::WriteJson(plan.claims[0].body),
            R"({"metadata":{"uid":"uid-other","resourceVersion":"7",)"
            R"("ownerReferences":[{"uid":"uid-x"}]}})");
  EXPECT_EQ(plan.claims[1].name, "lost");
  EXPECT_EQ(json::WriteJson(plan.claims[1].body),
            R"({"metadata":{"uid":"uid-lost","resourceVersion":"7","ownerReferences":[)"
            R"({"apiVersion":"apps/v1","kind":"ReplicaSet","name":"web","uid":"uid-web",)"
            R"("controller":true,"blockOwnerDeletion":true}]}})");
}

TEST(ReplicaSetPlan, ChangesNothingWhileItIsBeingDeleted) {
  json::Value set = Set(5);
  set.Find("metadata")->Set("deletionTimestamp", json::Value("2026-01-01T00:00:00Z"));
  const Plan plan = MakePlan({kReplicaSet, set, Pods(1), {FakePod("lost")}});
  EXPECT_EQ(plan.create, 0u);
  EXPECT_TRUE(plan.claims.empty());
}

TEST(ReplicaSetStatus, CountsWhatIsReadyAndAvailable) {
  const json::Value set = Set(3, R"(,"minReadySeconds":10)");
  std::vector<PodPtr> owned;
  for (const int seconds : {3, 20}) {
    owned.push_back(FakePod("p" + std::to_string(seconds), [&](PodFacts& pod) {
      pod.ready = true;
      pod.ready_since = kNow - seconds * kSecond;
    }));
  }
  owned.push_back(FakePod("starting"));
  const Facts facts{kReplicaSet, set, owned, {}};
  const StatusPlan status = PlanStatus(facts, MakePlan(facts), std::nullopt, kNow);
  ASSERT_TRUE(status.write);
  EXPECT_EQ(status.write->subresource, "status");
  EXPECT_EQ(json::WriteJson(status.write->body.At({"status"})),
            R"({"replicas":3,"fullyLabeledReplicas":3,"readyReplicas":2,"availableReplicas":1,)"
            R"("terminatingReplicas":0,"observedGeneration":3})");
  EXPECT_EQ(status.again, std::chrono::milliseconds(7'001));
  const Facts again{kReplicaSet, status.write->body, owned, {}};
  EXPECT_FALSE(PlanStatus(again, MakePlan(again), std::nullopt, kNow).write);
}

TEST(ReplicaSetStatus, SaysWhyPodsCouldNotBeMadeUntilTheyCan) {
  const json::Value set = Set(3);
  const Facts facts{kReplicaSet, set, {}, {}};
  const StatusPlan failed = PlanStatus(facts, MakePlan(facts), "exceeded quota", kNow);
  ASSERT_TRUE(failed.write);
  EXPECT_EQ(json::WriteJson(failed.write->body.At({"status", "conditions"})),
            R"([{"type":"ReplicaFailure","status":"True",)"
            R"("lastTransitionTime":"2026-01-01T00:00:00Z","reason":"FailedCreate",)"
            R"("message":"exceeded quota"}])");
  const Facts after{kReplicaSet, failed.write->body, {}, {}};
  EXPECT_FALSE(PlanStatus(after, MakePlan(after), "exceeded quota", kNow + kSecond).write);
  const StatusPlan well = PlanStatus(after, MakePlan(after), std::nullopt, kNow);
  ASSERT_TRUE(well.write);
  EXPECT_TRUE(well.write->body.At({"status", "conditions"}).IsNull());
}

TEST(Victims, AreThoseThatAreMissedTheLeast) {
  struct Case {
    std::string_view name;
    std::function<void(PodFacts&)> goes;
    std::function<void(PodFacts&)> stays;
  };
  const std::vector<Case> cases = {
      {"without a node", [](PodFacts& p) { p.node = ""; }, [](PodFacts&) {}},
      {"pending", [](PodFacts& p) { p.phase = Phase::kPending; }, [](PodFacts&) {}},
      {"not ready", [](PodFacts& p) { p.ready = false; }, [](PodFacts&) {}},
      {"cheap", [](PodFacts& p) { p.deletion_cost = -5; }, [](PodFacts&) {}},
      {"cheap before crowded", [](PodFacts&) {},
       [](PodFacts& p) {
         p.deletion_cost = 1;
         p.node = "crowded";
       }},
      {"crowded", [](PodFacts& p) { p.node = "crowded"; }, [](PodFacts&) {}},
      {"ready for a shorter time", [](PodFacts& p) { p.ready_since = kNow - kSecond; },
       [](PodFacts&) {}},
      {"restarted more often", [](PodFacts& p) { p.restarts = 2; },
       [](PodFacts& p) { p.restarts = 1; }},
      {"younger", [](PodFacts& p) { p.created = kNow - kSecond; }, [](PodFacts&) {}},
  };
  const std::vector<PodPtr> related = {
      FakePod("r1", [](PodFacts& p) { p.node = "crowded"; }),
      FakePod("r2", [](PodFacts& p) { p.node = "crowded"; }),
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const auto make = [](const std::string& name, const auto& change) {
      return FakePod(name, [&](PodFacts& pod) {
        pod.node = "n1";
        pod.phase = Phase::kRunning;
        pod.ready = true;
        pod.ready_since = kNow - 3'600 * kSecond;
        pod.created = kNow - 7'200 * kSecond;
        change(pod);
      });
    };
    for (const bool swapped : {false, true}) {
      // Names, and so uids, must not decide.
      const PodPtr goes = make(swapped ? "a" : "b", c.goes);
      const PodPtr stays = make(swapped ? "b" : "a", c.stays);
      EXPECT_THAT(ChooseVictims({stays, goes}, related, 1, kNow), ElementsAre(goes));
      EXPECT_THAT(ChooseVictims({goes, stays}, related, 1, kNow), ElementsAre(goes));
    }
  }
}

}  // namespace
}  // namespace keelson::replicaset
