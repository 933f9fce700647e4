// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/deployment/plan.h"

#include <gmock/gmock.h>

#include "minimal-master/controllers/deployment/status.h"

namespace keelson::deployment {
namespace {

using json::Value;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kNow = 1'767'225'600 * kSecond;  // 2026-01-01T00:00:00Z

Value Parse(const std::string& text) {
  base::Result<Value> value = json::ParseJson(text);
  EXPECT_TRUE(value.ok()) << text;
  return std::move(value).ValueOr(Value());
}

std::string Template(const std::string& image, const std::string& hash = "") {
  return R"({"metadata":{"labels":{"app":"web")" +
         (hash.empty() ? "" : R"(,"pod-template-hash":")" + hash + "\"") +
         R"(}},"spec":{"containers":[{"name":"c","image":")" + image + R"("}]}})";
}

struct Wish {
  int replicas = 4;
  std::string image = "new";
  std::string spec = R"(,"strategy":{"type":"RollingUpdate","rollingUpdate":)"
                     R"({"maxSurge":"25%","maxUnavailable":"25%"}})";
  std::string metadata = "";
  std::string status = R"({"observedGeneration":2})";
};
Value Deployment(const Wish& wish) {
  return Parse(R"({"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web",)"
               R"("namespace":"ns","uid":"uid-web","generation":2)" +
               wish.metadata + R"(},"spec":{"replicas":)" + std::to_string(wish.replicas) +
               R"(,"progressDeadlineSeconds":600,"revisionHistoryLimit":10,)"
               R"("selector":{"matchLabels":{"app":"web"}},"template":)" +
               Template(wish.image) + wish.spec + R"(},"status":)" + wish.status + "}");
}

// A replica set as the deployment made it.
struct Has {
  std::string image = "old";
  int replicas = 4;
  int available = 4;
  int actual = -1;  // as replicas
  int desired = 4;
  int maximum = 5;
  std::string revision = "1";
  int minute = 0;  // of its creation
};
Value SetOf(const Has& has) {
  const int actual = has.actual < 0 ? has.replicas : has.actual;
  return Parse(
      R"({"apiVersion":"apps/v1","kind":"ReplicaSet","metadata":{"name":"web-)" + has.image +
      R"(","namespace":"ns","uid":"uid-)" + has.image +
      R"(","generation":1,"creationTimestamp":"2025-01-01T00:0)" + std::to_string(has.minute) +
      R"(:00Z","annotations":{"deployment.kubernetes.io/desired-replicas":")" +
      std::to_string(has.desired) + R"(","deployment.kubernetes.io/max-replicas":")" +
      std::to_string(has.maximum) + R"(","deployment.kubernetes.io/revision":")" + has.revision +
      R"("}},"spec":{"replicas":)" + std::to_string(has.replicas) + R"(,"template":)" +
      Template(has.image, "h" + has.image) + R"(},"status":{"observedGeneration":1,"replicas":)" +
      std::to_string(actual) + R"(,"readyReplicas":)" + std::to_string(has.available) +
      R"(,"availableReplicas":)" + std::to_string(has.available) + R"(,"terminatingReplicas":0}})");
}

Plan PlanOf(const Wish& wish, const std::vector<Has>& sets, int64_t now = kNow) {
  Facts facts{Deployment(wish), {}, {}};
  for (const Has& set : sets) facts.sets.push_back(SetOf(set));
  return MakePlan(facts, now);
}

std::vector<std::string> Messages(const Plan& plan) {
  std::vector<std::string> out;
  for (const Step& step : plan.steps) out.push_back(step.message);
  return out;
}

std::string Condition(const Plan& plan, std::string_view type) {
  if (!plan.status) return "no change";
  const Status status = ReadStatus(plan.status->body);
  const Value* condition = Find(status, type);
  if (condition == nullptr) return "none";
  return condition->At({"status"}).AsString() + " " + condition->At({"reason"}).AsString() + ": " +
         condition->At({"message"}).AsString();
}

TEST(Bounds, SurgeIsRoundedUpAndUnavailabilityDown) {
  struct Case {
    int replicas;
    std::string surge, unavailable;
    int64_t expected_surge, expected_unavailable;
  };
  for (const Case& c : std::initializer_list<Case>{{10, R"("25%")", R"("25%")", 3, 2},
                                                   {1, R"("25%")", R"("25%")", 1, 0},
                                                   {2, R"("0%")", R"("1%")", 0, 1},
                                                   {3, "0", "0", 0, 1},
                                                   {3, "2", "9", 2, 3},
                                                   {0, R"("25%")", R"("25%")", 0, 0}}) {
    const Bounds bounds = BoundsOf(
        Deployment({.replicas = c.replicas,
                    .spec = R"(,"strategy":{"type":"RollingUpdate","rollingUpdate":{"maxSurge":)" +
                            c.surge + R"(,"maxUnavailable":)" + c.unavailable + "}}"}));
    EXPECT_EQ(bounds.surge, c.expected_surge) << c.replicas << c.surge;
    EXPECT_EQ(bounds.unavailable, c.expected_unavailable) << c.replicas << c.unavailable;
  }
}

TEST(Hash, IsThatOfTheTemplateAndItsCollisions) {
  const Value one = Parse(Template("a"));
  EXPECT_EQ(HashOf(one, Value()), HashOf(Parse(Template("a", "x")), Value()));
  EXPECT_NE(HashOf(one, Value()), HashOf(Parse(Template("b")), Value()));
  EXPECT_NE(HashOf(one, Value()), HashOf(one, Value(1)));
  for (const char c : HashOf(one, Value())) {
    EXPECT_NE(std::string_view("bcdfghjklmnpqrstvwxz2456789").find(c), std::string_view::npos);
  }
}

TEST(Rollout, BeginsWithANewSet) {
  const Plan plan = PlanOf({.metadata = R"(,"annotations":{"a":"b"})"}, {});
  ASSERT_EQ(plan.steps.size(), 1u);
  const Value& set = plan.steps[0].write.body;
  const std::string hash = set.At({"metadata", "labels", "pod-template-hash"}).AsString();
  EXPECT_EQ(set.At({"metadata", "name"}).AsString(), "web-" + hash);
  EXPECT_EQ(plan.steps[0].message, "Scaled up replica set web-" + hash + " from 0 to 4");
  EXPECT_EQ(set.At({"spec", "replicas"}).AsInt(), 4);
  EXPECT_EQ(set.At({"spec", "selector", "matchLabels", "pod-template-hash"}).AsString(), hash);
  EXPECT_EQ(set.At({"spec", "template", "metadata", "labels", "pod-template-hash"}).AsString(),
            hash);
  EXPECT_EQ(json::WriteJson(set.At({"metadata", "annotations"})),
            R"({"a":"b","deployment.kubernetes.io/revision":"1",)"
            R"("deployment.kubernetes.io/desired-replicas":"4",)"
            R"("deployment.kubernetes.io/max-replicas":"5"})");
  EXPECT_EQ(Condition(plan, "Progressing"),
            "True NewReplicaSetCreated: Created new replica set \"web-" + hash + "\"");
  EXPECT_EQ(Condition(plan, "Available"),
            "False MinimumReplicasUnavailable: Deployment does not have minimum availability.");
  EXPECT_EQ(plan.status->body.At({"metadata", "annotations", std::string(kRevision)}).AsString(),
            "1");
  EXPECT_EQ(plan.again, std::chrono::milliseconds(601'000));
}

TEST(Rollout, GoesStepByStep) {
  struct Case {
    std::string_view name;
    std::vector<Has> sets;
    std::vector<std::string> messages;
  };
  const auto next = [](int replicas, int available) {
    return Has{
        .image = "new", .replicas = replicas, .available = available, .revision = "2", .minute = 5};
  };
  const std::vector<Case> cases = {
      {"one more and one less at once",
       {{}},
       {"Scaled up replica set web-~ from 0 to 1", "Scaled down replica set web-old from 4 to 3"}},
      {"waits for the new ones", {{.replicas = 3, .available = 3}, next(2, 0)}, {}},
      {"up when there is room",
       {{.replicas = 3, .available = 3}, next(1, 0)},
       {"Scaled up replica set web-new from 1 to 2"}},
      {"down when the new ones serve",
       {{.replicas = 3, .available = 3}, next(2, 1)},
       {"Scaled down replica set web-old from 3 to 2"}},
      {"what serves nobody goes first",
       {{.replicas = 4, .available = 2}, next(1, 0)},
       {"Scaled down replica set web-old from 4 to 3"}},
      {"the last of the old ones",
       {{.replicas = 1, .available = 1}, next(4, 4)},
       {"Scaled down replica set web-old from 1 to 0"}},
      {"done", {{.replicas = 0, .available = 0}, next(4, 4)}, {}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const Plan plan = PlanOf({}, c.sets);
    std::vector<std::string> messages = Messages(plan);
    std::erase(messages, "");
    for (std::string& message : messages) {
      if (c.sets.size() > 1 || !message.starts_with("Scaled up")) continue;
      message = "Scaled up replica set web-~" + message.substr(message.find(" from"));
    }
    EXPECT_EQ(messages, c.messages);
  }
}

TEST(Rollout, EndsWithWordsThatClientsWaitFor) {
  const Has done{.image = "new", .revision = "2"};
  const Plan plan = PlanOf(
      {.status = R"({"observedGeneration":2,"replicas":4,"updatedReplicas":4,"readyReplicas":3,)"
                 R"("availableReplicas":3,"conditions":[{"type":"Progressing","status":"True",)"
                 R"("reason":"ReplicaSetUpdated","lastUpdateTime":"2025-12-31T23:59:00Z"}]})"},
      {{.replicas = 0, .available = 0}, done});
  EXPECT_THAT(plan.steps, IsEmpty());
  EXPECT_EQ(Condition(plan, "Progressing"),
            "True NewReplicaSetAvailable: ReplicaSet \"web-new\" has successfully progressed.");
  EXPECT_EQ(Condition(plan, "Available"),
            "True MinimumReplicasAvailable: Deployment has minimum availability.");
  EXPECT_FALSE(plan.again);
  const Facts again{plan.status->body, {SetOf({.replicas = 0, .available = 0}), SetOf(done)}, {}};
  const Plan nothing = MakePlan(again, kNow + 3'600 * kSecond);
  EXPECT_THAT(nothing.steps, IsEmpty());
  EXPECT_FALSE(nothing.status);
}

TEST(Rollout, TimesOutWithoutProgress) {
  const Wish wish{.status = R"({"observedGeneration":2,"replicas":5,"updatedReplicas":2,)"
                            R"("readyReplicas":3,"availableReplicas":3,"unavailableReplicas":2,)"
                            R"("conditions":[{"type":"Progressing","status":"True",)"
                            R"("reason":"ReplicaSetUpdated",)"
                            R"("lastUpdateTime":"2025-12-31T23:51:00Z"}]})"};
  const std::vector<Has> sets = {{.replicas = 3, .available = 3},
                                 {.image = "new", .replicas = 2, .available = 0, .revision = "2"}};
  const Plan waits = PlanOf(wish, sets);
  EXPECT_EQ(Condition(waits, "Progressing"), "True ReplicaSetUpdated: ");
  EXPECT_EQ(waits.again, std::chrono::milliseconds(61'000));
  EXPECT_EQ(Condition(PlanOf(wish, sets, kNow + 61 * kSecond), "Progressing"),
            "False ProgressDeadlineExceeded: ReplicaSet \"web-new\" has timed out progressing.");
}

TEST(Rollout, GoesBackToASetAndRemembersWhatItWasCalled) {
  const Plan plan = PlanOf({.image = "old"}, {{.replicas = 0, .available = 0},
                                              {.image = "new", .revision = "2", .minute = 5}});
  ASSERT_FALSE(plan.steps.empty());
  const Value& set = plan.steps[0].write.body;
  EXPECT_EQ(set.At({"metadata", "name"}).AsString(), "web-old");
  EXPECT_EQ(set.At({"metadata", "annotations", std::string(kRevision)}).AsString(), "3");
  EXPECT_EQ(set.At({"metadata", "annotations", std::string(kRevisionHistory)}).AsString(), "1");
  EXPECT_EQ(plan.status->body.At({"metadata", "annotations", std::string(kRevision)}).AsString(),
            "3");
}

TEST(Rollout, ForgetsOldSetsBeyondItsHistory) {
  Wish wish{.status = R"({"observedGeneration":2,"replicas":4,"updatedReplicas":4,)"
                      R"("readyReplicas":4,"availableReplicas":4})"};
  std::vector<Has> sets = {{.image = "new", .revision = "20"}};
  for (int i = 0; i < 9; ++i) {
    sets.push_back({.image = "old" + std::to_string(i),
                    .replicas = 0,
                    .available = 0,
                    .revision = std::to_string(i + 1),
                    .minute = i});
  }
  sets.push_back({.image = "x", .replicas = 0, .available = 0, .revision = "10"});
  EXPECT_THAT(PlanOf(wish, sets).steps, IsEmpty());
  sets.push_back({.image = "y", .replicas = 0, .available = 0, .revision = "0"});
  const Plan plan = PlanOf(wish, sets);
  ASSERT_EQ(plan.steps.size(), 1u);
  EXPECT_EQ(plan.steps[0].write.verb, control::Write::Verb::kDelete);
  EXPECT_EQ(plan.steps[0].write.name, "web-y");
}

TEST(Scaling, KeepsTheProportionsOfARollout) {
  const Plan plan = PlanOf({.replicas = 10}, {{.replicas = 3, .available = 3, .maximum = 5},
                                              {.image = "new",
                                               .replicas = 2,
                                               .available = 0,
                                               .maximum = 5,
                                               .revision = "2",
                                               .minute = 5}});
  // 13 may be there: 3/5 of them are 8, 2/5 are 5.
  EXPECT_THAT(Messages(plan), ElementsAre("Scaled up replica set web-new from 2 to 5",
                                          "Scaled up replica set web-old from 3 to 8"));
  EXPECT_EQ(
      plan.steps[1].write.body.At({"metadata", "annotations", std::string(kMaximum)}).AsString(),
      "13");
}

TEST(Scaling, ResizesTheOnlySet) {
  const Plan plan = PlanOf({.replicas = 7}, {{.image = "new"}});
  EXPECT_THAT(Messages(plan), ElementsAre("Scaled up replica set web-new from 4 to 7"));
}

TEST(Pausing, HoldsARolloutButNotScaling) {
  Wish wish{.spec = R"(,"paused":true,"strategy":{"type":"RollingUpdate","rollingUpdate":)"
                    R"({"maxSurge":1,"maxUnavailable":1}})"};
  const Plan plan = PlanOf(wish, {{}});
  EXPECT_THAT(plan.steps, IsEmpty());
  EXPECT_EQ(Condition(plan, "Progressing"), "Unknown DeploymentPaused: Deployment is paused");
  wish.replicas = 6;
  EXPECT_THAT(Messages(PlanOf(wish, {{}})),
              ElementsAre("Scaled up replica set web-old from 4 to 6"));
  const Plan resumed = PlanOf({.status = json::WriteJson(plan.status->body.At({"status"}))}, {{}});
  EXPECT_FALSE(resumed.steps.empty());
  EXPECT_THAT(Condition(resumed, "Progressing"),
              ::testing::StartsWith("True NewReplicaSetCreated"));
}

TEST(Recreation, WaitsUntilAllOldPodsAreGone) {
  const Wish wish{.spec = R"(,"strategy":{"type":"Recreate"})"};
  EXPECT_THAT(Messages(PlanOf(wish, {{}})),
              ElementsAre("Scaled down replica set web-old from 4 to 0"));
  EXPECT_THAT(PlanOf(wish, {{.replicas = 0, .available = 0, .actual = 1}}).steps, IsEmpty());
  Facts facts{Deployment(wish), {SetOf({.replicas = 0, .available = 0})}, {{"uid-old", 1}}};
  EXPECT_THAT(MakePlan(facts, kNow).steps, IsEmpty());
  facts.pods.clear();
  const Plan plan = MakePlan(facts, kNow);
  ASSERT_EQ(plan.steps.size(), 1u);
  EXPECT_EQ(plan.steps[0].write.body.At({"spec", "replicas"}).AsInt(), 4);
}

TEST(Creation, GetsAnotherNameWhenItIsTaken) {
  const Value deployment = Deployment({});
  const Value own =
      Parse(R"({"metadata":{"ownerReferences":[{"uid":"uid-web","controller":true}]},)"
            R"("spec":{"template":)" +
            Template("new", "h") + "}}");
  EXPECT_FALSE(AfterCollision(deployment, own));
  const auto write = AfterCollision(deployment, Parse("{}"));
  ASSERT_TRUE(write);
  EXPECT_EQ(write->body.At({"status", "collisionCount"}).AsInt(), 1);
  const auto failed = AfterFailedCreate(deployment, "no", kNow);
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->body.At({"status", "conditions"}).items()[0].At({"reason"}).AsString(),
            "ReplicaSetCreateError");
}

}  // namespace
}  // namespace keelson::deployment
