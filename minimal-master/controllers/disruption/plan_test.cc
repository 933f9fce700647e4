// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/disruption/plan.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "minimal-master/control/times.h"
#include "minimal-master/controllers/pods/fake_pods.h"

namespace keelson::controllers::disruption {
namespace {

using json::Value;
using pods::PodFacts;
using pods::PodPtr;
using ::testing::IsEmpty;

constexpr int64_t kNow = 1'767'225'600'000'000'000;  // 2026-01-01T00:00:00Z
constexpr int64_t kSecond = 1'000'000'000;

PodPtr Pod(const std::string& name, bool ready = true, const std::string& owner = "set") {
  return pods::FakePod(name, [&](PodFacts& facts) {
    facts.ready = ready;
    facts.owner_uid = owner;
  });
}
PodPtr Going(const std::string& name) {
  return pods::FakePod(name, [](PodFacts& facts) {
    facts.ready = true;
    facts.owner_uid = "set";
    facts.deletion = kNow;
  });
}
std::vector<PodPtr> Pods(int ready, int unready = 0) {
  std::vector<PodPtr> out;
  for (int i = 0; i < ready + unready; ++i) out.push_back(Pod(fmt::format("p{}", i), i < ready));
  return out;
}
Value Budget(const std::string& spec, const std::string& status = "") {
  return *json::ParseYaml(
      "{metadata: {name: web, namespace: ns, generation: 3}, spec: {selector: "
      "{matchLabels: {app: web}}, " +
      spec + "}, status: {" + status + "}}");
}
// "allowed: healthy of desired, expected; reason"
std::string Text(const Value& status) {
  const Value& condition = status.At({"conditions"}).items().at(0);
  return fmt::format("{}: {} of {}, {}; {} {}", status.At({"disruptionsAllowed"}).AsInt(),
                     status.At({"currentHealthy"}).AsInt(), status.At({"desiredHealthy"}).AsInt(),
                     status.At({"expectedPods"}).AsInt(), condition.At({"status"}).AsString(),
                     condition.At({"reason"}).AsString());
}
std::vector<std::string> Reasons(const Plan& plan) {
  std::vector<std::string> out;
  for (const Event& event : plan.events)
    out.push_back(event.reason + (event.pod ? " " + std::string(event.pod->name()) : ""));
  return out;
}

TEST(DisruptionPlan, CountsWhatMayGo) {
  struct Case {
    const char* spec;
    std::vector<PodPtr> pods;
    std::map<std::string, int64_t> scales;
    const char* text;
  };
  const Case cases[] = {
      {"minAvailable: 2", Pods(3), {}, "1: 3 of 2, 3; True SufficientPods"},
      {"minAvailable: 3", Pods(3), {}, "0: 3 of 3, 3; False InsufficientPods"},
      {"minAvailable: 2", Pods(1, 2), {}, "0: 1 of 2, 3; False InsufficientPods"},
      {"minAvailable: 0", {}, {}, "0: 0 of 0, 0; False InsufficientPods"},
      {"minAvailable: 0", Pods(2), {}, "2: 2 of 0, 2; True SufficientPods"},
      {"minAvailable: 50%", Pods(3), {{"set", 5}}, "0: 3 of 3, 5; False InsufficientPods"},
      {"minAvailable: 50%",
       Pods(4),
       {{"set", 4}, {"other", 1}},
       "1: 4 of 3, 5; True SufficientPods"},
      {"maxUnavailable: 1", Pods(3), {{"set", 3}}, "1: 3 of 2, 3; True SufficientPods"},
      {"maxUnavailable: 1", Pods(2), {{"set", 3}}, "0: 2 of 2, 3; False InsufficientPods"},
      {"maxUnavailable: 30%", Pods(4), {{"set", 4}}, "2: 4 of 2, 4; True SufficientPods"},
      {"maxUnavailable: 9", Pods(1), {{"set", 3}}, "1: 1 of 0, 3; True SufficientPods"},
      {"maxUnavailable: 9", {}, {}, "0: 0 of 0, 0; False InsufficientPods"},
      {"minAvailable: 1", {Pod("a"), Going("b")}, {}, "0: 1 of 1, 2; False InsufficientPods"},
  };
  for (const Case& c : cases) {
    const Plan plan = MakePlan({Budget(c.spec), c.pods, c.scales, "", kNow});
    ASSERT_TRUE(plan.status) << c.spec;
    EXPECT_EQ(Text(*plan.status), c.text) << c.spec;
    EXPECT_EQ(plan.status->At({"observedGeneration"}).AsInt(), 3);
    EXPECT_EQ(plan.status->At({"conditions"}).items()[0].At({"observedGeneration"}).AsInt(), 3);
    EXPECT_FALSE(plan.again);
    EXPECT_EQ(Reasons(plan).empty(), !c.pods.empty()) << c.spec;
  }
}

TEST(DisruptionPlan, WritesOnlyWhatIsNewAndKeepsTheTimeOfAConditionThatStays) {
  Facts facts{Budget("minAvailable: 1"), Pods(2), {}, "", kNow};
  Plan plan = MakePlan(facts);
  ASSERT_TRUE(plan.status);
  facts.budget.Set("status", *plan.status);
  facts.now += 60 * kSecond;
  EXPECT_FALSE(MakePlan(facts).status);

  facts.pods = Pods(3);
  plan = MakePlan(facts);
  ASSERT_TRUE(plan.status);
  EXPECT_EQ(plan.status->At({"conditions"}).items()[0].At({"lastTransitionTime"}).AsString(),
            control::TimeText(kNow));
  facts.pods = Pods(1);
  plan = MakePlan(facts);
  ASSERT_TRUE(plan.status);
  EXPECT_EQ(plan.status->At({"conditions"}).items()[0].At({"lastTransitionTime"}).AsString(),
            control::TimeText(facts.now));
}

TEST(DisruptionPlan, WhoWasEvictedIsNotCountedForTwoMinutes) {
  const std::string then = control::TimeText(kNow - 30 * kSecond);
  const std::string status = fmt::format("disruptedPods: {{p0: '{}', gone: '{}', late: '{}'}}",
                                         then, then, control::TimeText(kNow - 121 * kSecond));
  Facts facts{Budget("minAvailable: 1", status), Pods(2), {}, "", kNow};
  facts.pods.push_back(Pod("late"));
  Plan plan = MakePlan(facts);
  ASSERT_TRUE(plan.status);
  // p0 is believed to go, nobody has heard of `gone` any more, `late` stayed.
  EXPECT_EQ(Text(*plan.status), "1: 2 of 1, 3; True SufficientPods");
  EXPECT_EQ(json::WriteJson(plan.status->At({"disruptedPods"})), "{\"p0\":\"" + then + "\"}");
  EXPECT_EQ(plan.again, std::chrono::milliseconds(90'001));
  EXPECT_THAT(Reasons(plan), testing::ElementsAre("NotDeleted late"));

  facts.budget.Set("status", *plan.status);
  facts.now += 91 * kSecond;
  plan = MakePlan(facts);
  ASSERT_TRUE(plan.status);
  EXPECT_EQ(Text(*plan.status), "2: 3 of 1, 3; True SufficientPods");
  EXPECT_TRUE(plan.status->At({"disruptedPods"}).IsNull());
  EXPECT_FALSE(plan.again);
}

TEST(DisruptionPlan, NothingMayGoWhileNobodyKnowsHowManyThereShouldBe) {
  const Value counted =
      *MakePlan({Budget("maxUnavailable: 1"), Pods(3), {{"set", 3}}, "", kNow}).status;
  Facts facts{Budget("maxUnavailable: 1"),
              Pods(3),
              {},
              "jobs.batch does not implement the scale subresource",
              kNow};
  facts.budget.Set("status", counted);
  const Plan plan = MakePlan(facts);
  ASSERT_TRUE(plan.status);
  EXPECT_EQ(Text(*plan.status), "0: 3 of 2, 3; False SyncFailed");
  EXPECT_EQ(plan.status->At({"conditions"}).items()[0].At({"message"}).AsString(), facts.unknown);
  EXPECT_THAT(Reasons(plan), testing::ElementsAre("CalculateExpectedPodCountFailed"));
  facts.budget.Set("status", *plan.status);
  EXPECT_FALSE(MakePlan(facts).status);
}

TEST(DisruptionPlan, PodsOfNobodyAreToldOfWhereTheyDoNotCount) {
  Facts facts{Budget("maxUnavailable: 1"), {Pod("a", true, ""), Pod("b")}, {{"set", 1}}, "", kNow};
  EXPECT_THAT(Reasons(MakePlan(facts)), testing::ElementsAre("UnmanagedPods"));
  facts.budget = Budget("minAvailable: 1");
  EXPECT_THAT(Reasons(MakePlan(facts)), IsEmpty());
}

TEST(DisruptionPlan, SelectsWhatItsSpecSays) {
  EXPECT_FALSE(SelectorOf(*json::ParseYaml("{spec: {}}")));
  ASSERT_TRUE(SelectorOf(*json::ParseYaml("{spec: {selector: {}}}")));
  EXPECT_TRUE(SelectorOf(*json::ParseYaml("{spec: {selector: {}}}"))->empty());
  EXPECT_EQ(SelectorOf(Budget(""))->Format(), "app=web");
}

TEST(DisruptionPlan, APodThatStaysIsToldSo) {
  const auto pod = [](const char* status, const char* rest) {
    return *json::ParseYaml(fmt::format(
        "{{metadata: {{name: p{}}}, status: {{phase: Running, conditions: [{{type: Ready, status: "
        "'True'}}, {{type: DisruptionTarget, status: '{}', reason: EvictionByEvictionAPI, "
        "lastTransitionTime: '2026-01-01T00:00:00Z'}}]}}}}",
        rest, status));
  };
  EXPECT_EQ(StaleAt(pod("True", "")), kNow + 120 * kSecond);
  EXPECT_FALSE(StaleAt(pod("False", "")));
  EXPECT_FALSE(StaleAt(pod("True", ", deletionTimestamp: '2026-01-01T00:00:00Z'")));
  const Value calm = Reassured(pod("True", ""), kNow + 120 * kSecond);
  EXPECT_EQ(json::WriteJson(calm.At({"status", "conditions"}).items()[1]),
            R"({"type":"DisruptionTarget","status":"False",)"
            R"("lastTransitionTime":"2026-01-01T00:02:00Z"})");
  EXPECT_FALSE(StaleAt(calm));
}

}  // namespace
}  // namespace keelson::controllers::disruption
