// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/api/budget.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/json/value.h"

namespace keelson::api {
namespace {

using json::Value;
using ::testing::IsEmpty;

constexpr char kNow[] = "2026-01-01T00:00:00Z";

Value Budget(const std::string& status, const std::string& spec = "") {
  return *json::ParseYaml("{metadata: {name: web, generation: 2}, spec: {" + spec + "}, status: {" +
                          status + "}}");
}
Value Pod(bool ready) {
  return *json::ParseYaml(std::string("{metadata: {name: p}, status: {phase: Running, conditions: "
                                      "[{type: Ready, status: '") +
                          (ready ? "True" : "False") + "'}]}}");
}
// "counted", "uncounted", or code and cause.
std::string Said(const status::Or<Leave>& leave) {
  if (leave.ok()) return leave->left ? "counted" : "uncounted";
  const status::Failure& failure = leave.failure();
  std::string out = std::to_string(failure.code) + " ";
  out += failure.details.causes.empty() ? failure.message : failure.details.causes[0].message;
  return out + " " + std::to_string(failure.details.retry_after_seconds);
}

TEST(BudgetTest, AsksOnlyForWhatRuns) {
  const auto unasked = [](const char* pod) { return MayGoUnasked(*json::ParseYaml(pod)); };
  EXPECT_FALSE(unasked("{metadata: {}, status: {phase: Running}}"));
  for (const char* phase : {"Pending", "Succeeded", "Failed"})
    EXPECT_TRUE(unasked((std::string("{status: {phase: ") + phase + "}}").c_str())) << phase;
  EXPECT_TRUE(unasked("{metadata: {deletionTimestamp: x}, status: {phase: Running}}"));
}

TEST(BudgetTest, GivesLeaveOrSaysWhyNot) {
  const char kCounted[] = "observedGeneration: 2, ";
  struct Case {
    const char* what;
    std::string status;
    const char* spec;
    bool ready;
    const char* said;
  };
  const Case cases[] = {
      {"nobody has counted what it says now", "observedGeneration: 1, disruptionsAllowed: 3", "",
       true, "429 The disruption budget web is still being processed by the server. 10"},
      {"one may go", std::string(kCounted) + "disruptionsAllowed: 1", "", true, "counted"},
      {"none may go",
       std::string(kCounted) + "disruptionsAllowed: 0, desiredHealthy: 2, "
                               "currentHealthy: 2",
       "", true, "429 The disruption budget web needs 2 healthy pods and has 2 currently 0"},
      {"nobody knows how many there should be",
       std::string(kCounted) +
           "disruptionsAllowed: 0, desiredHealthy: 2, currentHealthy: 3, "
           "conditions: [{type: DisruptionAllowed, status: 'False', reason: SyncFailed, message: "
           "found no controllers}]",
       "", true,
       "429 The disruption budget web does not allow evicting pods currently because it failed "
       "sync: found no controllers 0"},
      {"enough, and none allowed",
       std::string(kCounted) +
           "disruptionsAllowed: 0, desiredHealthy: 2, currentHealthy: 3, "
           "conditions: [{type: DisruptionAllowed, status: 'False', reason: Other, message: wait}]",
       "", true,
       "429 The disruption budget web does not allow evicting pods currently (Other): wait 0"},
      {"the same without a word",
       std::string(kCounted) + "disruptionsAllowed: 0, desiredHealthy: 2, currentHealthy: 3", "",
       true, "429 The disruption budget web does not allow evicting pods currently 0"},
      {"less than none", std::string(kCounted) + "disruptionsAllowed: -1", "", true,
       "403 poddisruptionbudget.policy \"web\" is forbidden: pdb disruptions allowed is negative "
       "0"},
      {"one that is not healthy takes nothing from those that are enough",
       "disruptionsAllowed: 0, desiredHealthy: 2, currentHealthy: 2", "", false, "uncounted"},
      {"one that is not healthy where too few are",
       std::string(kCounted) + "disruptionsAllowed: 0, desiredHealthy: 2, currentHealthy: 1", "",
       false, "429 The disruption budget web needs 2 healthy pods and has 1 currently 0"},
      {"where who is not healthy may always go",
       "disruptionsAllowed: 0, desiredHealthy: 2, currentHealthy: 1",
       "unhealthyPodEvictionPolicy: AlwaysAllow", false, "uncounted"},
      {"but nobody else",
       std::string(kCounted) + "disruptionsAllowed: 0, desiredHealthy: 2, "
                               "currentHealthy: 1",
       "unhealthyPodEvictionPolicy: AlwaysAllow", true,
       "429 The disruption budget web needs 2 healthy pods and has 1 currently 0"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(Said(AskLeave(Budget(c.status, c.spec), Pod(c.ready), kNow)), c.said) << c.what;
  }
}

TEST(BudgetTest, IsLessByOneWhoIsNamed) {
  const char kConditions[] =
      ", conditions: [{type: DisruptionAllowed, status: 'True', reason: SufficientPods, message: "
      "'', observedGeneration: 2, lastTransitionTime: '2025-01-01T00:00:00Z'}]";
  const auto two =
      AskLeave(Budget(std::string("observedGeneration: 2, disruptionsAllowed: 2") + kConditions),
               Pod(true), kNow);
  ASSERT_TRUE(two.ok() && two->left);
  const Value& status = two->left->At({"status"});
  EXPECT_EQ(status.At({"disruptionsAllowed"}).AsInt(), 1);
  EXPECT_EQ(status.At({"disruptedPods", "p"}).AsString(), kNow);
  EXPECT_EQ(status.At({"conditions"}).items()[0].At({"status"}).AsString(), "True");

  const auto last =
      AskLeave(Budget(std::string("observedGeneration: 2, disruptionsAllowed: 1") + kConditions),
               Pod(true), kNow);
  ASSERT_TRUE(last.ok() && last->left);
  const Value& condition = last->left->At({"status", "conditions"}).items()[0];
  EXPECT_EQ(condition.At({"status"}).AsString(), "False");
  EXPECT_EQ(condition.At({"reason"}).AsString(), "InsufficientPods");
  EXPECT_EQ(condition.At({"lastTransitionTime"}).AsString(), kNow);
}

TEST(BudgetTest, StopsWhereNobodyConfirms) {
  Value budget = Budget("observedGeneration: 2, disruptionsAllowed: 5");
  Value disrupted = Value::Object();
  for (int i = 0; i <= 2000; ++i) disrupted.Set("pod-" + std::to_string(i), Value(kNow));
  budget.Find("status")->Set("disruptedPods", std::move(disrupted));
  EXPECT_EQ(Said(AskLeave(budget, Pod(true), kNow)),
            "403 poddisruptionbudget.policy \"web\" is forbidden: DisruptedPods map too big - too "
            "many evictions not confirmed by PDB controller 0");
}

TEST(BudgetTest, CoversWhatItSelects) {
  watch::Contents contents;
  contents.name = "p";
  contents.labels = {{"app", "web"}};
  const watch::Object pod("p", 1, contents);
  const auto covers = [&](const char* spec) {
    return Covers(*json::ParseYaml(std::string("{spec: {") + spec + "}}"), pod);
  };
  EXPECT_TRUE(covers("selector: {matchLabels: {app: web}}"));
  EXPECT_FALSE(covers("selector: {matchLabels: {app: db}}"));
  EXPECT_TRUE(covers("selector: {matchExpressions: [{key: app, operator: In, values: [x, web]}]}"));
  EXPECT_FALSE(covers("selector: {matchExpressions: [{key: app, operator: DoesNotExist}]}"));
  EXPECT_TRUE(covers("selector: {}"));
  EXPECT_FALSE(covers(""));
}

}  // namespace
}  // namespace keelson::api
