// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/daemonset/plan.h"

#include <gmock/gmock.h>

#include "minimal-master/controllers/pods/fake_pods.h"

namespace keelson::daemonset {
namespace {

using json::Value;
using pods::FakeObject;
using pods::Phase;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kNow = 1'767'225'600 * kSecond;  // 2026-01-01T00:00:00Z

Value Set(const std::string& rolling, const std::string& pod_spec = "",
          const std::string& more = "") {
  return *json::ParseJson(
      R"({"metadata":{"name":"log","namespace":"ns","uid":"uid-log","generation":2},"spec":{)"
      R"("updateStrategy":{"type":")" +
      std::string(rolling.empty() ? "OnDelete" : "RollingUpdate") + R"(","rollingUpdate":{)" +
      rolling + R"(}},"template":{"metadata":{"labels":{"app":"log"}},"spec":{)" + pod_spec + "}}" +
      more + "}}");
}

NodePtr MakeNode(const std::string& name, const std::string& taints = "",
                 std::vector<std::pair<std::string, std::string>> labels = {}) {
  return ReadNode(FakeObject(name, std::move(labels), R"({"spec":{"taints":[)" + taints + "]}}"));
}
Value Taint(const std::string& key, const std::string& effect) {
  return *json::ParseJson(R"({"key":")" + key + R"(","effect":")" + effect + R"("})");
}

struct Has {
  std::string node;
  bool old = false;
  bool ready = true;
  Phase phase = Phase::kRunning;
  bool being_deleted = false;
  int age = 100;
  std::string name;
};

struct Look {
  Look(Value the_set, const std::vector<Has>& pods,
       std::vector<std::string> names = {"a", "b", "c"})
      : set(std::move(the_set)), facts{set, {}, {}, "new", {}, kNow} {
    for (const std::string& name : names) facts.nodes.push_back(MakeNode(name));
    for (const Has& has : pods) {
      auto pod = std::make_shared<pods::PodFacts>();
      pod->object = FakeObject(has.name.empty() ? (has.old ? "old-" : "new-") + has.node : has.name,
                               {{std::string(kHashLabel), has.old ? "old" : "new"}});
      pod->target_node = has.node;
      if (has.phase != Phase::kPending) pod->node = has.node;
      pod->phase = has.phase;
      pod->ready = has.ready;
      pod->ready_since = kNow - 50 * kSecond;
      pod->created = kNow - has.age * kSecond;
      if (has.being_deleted) pod->deletion = kNow;
      facts.pods.push_back(std::move(pod));
    }
  }
  Value set;
  Facts facts;
};

// "+a -old-b": a pod for node a, pod old-b goes.
std::string Text(const Plan& plan) {
  std::string out;
  for (const std::string& node : plan.create) out += (out.empty() ? "+" : " +") + node;
  for (const pods::PodPtr& pod : plan.remove) {
    out += (out.empty() ? "-" : " -") + std::string(pod->name());
  }
  return out;
}

TEST(DaemonPresence, IsOnePodForEachNode) {
  struct Case {
    std::string name;
    std::vector<Has> pods;
    std::string expected;
    std::string rolling = R"("maxUnavailable":1,"maxSurge":0)";
  };
  for (const Case& c : std::vector<Case>{
           {"none yet", {}, "+a +b +c"},
           {"all there", {{"a"}, {"b", true}, {"c", false, false, Phase::kPending}}, ""},
           {"one that ends holds its place",
            {{"a"}, {"b", false, false, Phase::kRunning, true}, {"c"}},
            ""},
           {"but not where two may be",
            {{"a"}, {"b", false, false, Phase::kRunning, true}, {"c"}},
            "+b",
            R"("maxUnavailable":0,"maxSurge":1)"},
           {"the oldest stays",
            {{"a"}, {"b"}, {"c"}, {.node = "c", .age = 5, .name = "young"}},
            "-young"},
           {"of each template one",
            {{"a"}, {"b"}, {"c", false, false}, {"c", true}},
            "",
            R"("maxUnavailable":0,"maxSurge":1)"},
           {"the new one serves",
            {{"a"}, {"b"}, {"c"}, {"c", true}},
            "-old-c",
            R"("maxUnavailable":0,"maxSurge":1)"},
           {"ended",
            {{"a"}, {"b", false, false, Phase::kFailed}, {"c", false, false, Phase::kSucceeded}},
            "-new-b -new-c"},
           {"of a node that is no more",
            {{"a"}, {"b"}, {"c"}, {"z", false, false, Phase::kPending}},
            "-new-z"},
       }) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(Text(PlanPresence(Look(Set(c.rolling), c.pods).facts)), c.expected);
  }
}

TEST(DaemonPresence, WaitsLongerAfterEachFailure) {
  Look look(Set(""), {{"a", false, false, Phase::kFailed}}, {"a"});
  look.facts.backoffs["a"] = {4 * kSecond, kNow - kSecond};
  const Plan plan = PlanPresence(look.facts);
  EXPECT_EQ(Text(plan), "");
  EXPECT_EQ(plan.again, 3 * kSecond);
  EXPECT_EQ(Next({4 * kSecond, kNow - 5 * kSecond}, kNow).wait, 8 * kSecond);
  EXPECT_EQ(Next({600 * kSecond, kNow}, kNow).wait, 900 * kSecond);
  EXPECT_EQ(Next({900 * kSecond, kNow - 3'600 * kSecond}, kNow).wait, kSecond);
}

TEST(DaemonUpdate, GoesAsFarAsItMay) {
  const std::string one = R"("maxUnavailable":1,"maxSurge":0)";
  const std::string half = R"("maxUnavailable":"50%","maxSurge":0)";
  const std::string surge = R"("maxUnavailable":0,"maxSurge":1)";
  struct Case {
    std::string name;
    std::string rolling;
    std::vector<Has> pods;
    std::string expected;
  };
  for (const Case& c : std::vector<Case>{
           {"by hand", "", {{"a", true}, {"b", true}, {"c", true}}, ""},
           {"one", one, {{"a", true}, {"b", true}, {"c", true}}, "-old-a"},
           {"its end is waited for",
            one,
            {{"a", true, true, Phase::kRunning, true}, {"b", true}, {"c", true}},
            ""},
           {"and its successor", one, {{"a", false, false}, {"b", true}, {"c", true}}, ""},
           {"the next", one, {{"a"}, {"b", true}, {"c", true}}, "-old-b"},
           {"one that does not serve goes anyway",
            one,
            {{"a", false, false}, {"b", true, false}, {"c", true}},
            "-old-b"},
           {"percentages are rounded up",
            half,
            {{"a", true}, {"b", true}, {"c", true}},
            "-old-a -old-b"},
           {"beside the old one", surge, {{"a", true}, {"b", true}, {"c", true}}, "+a"},
           {"until it serves",
            surge,
            {{"a", true}, {"a", false, false}, {"b", true}, {"c", true}},
            ""},
           {"then the old one goes",
            surge,
            {{"a", true}, {"a"}, {"b", true}, {"c", true}},
            "+b -old-a"},
           {"done", one, {{"a"}, {"b"}, {"c"}}, ""},
       }) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(Text(PlanUpdate(Look(Set(c.rolling), c.pods).facts)), c.expected);
  }
}

TEST(DaemonPlacement, LooksAtNameSelectorAffinityAndTaints) {
  struct Case {
    std::string name;
    std::string spec;
    NodePtr node;
    bool run;
    bool stay;
  };
  const auto taint = [](const std::string& key, const std::string& effect) {
    return json::WriteJson(Taint(key, effect));
  };
  const auto affinity = [](const std::string& term) {
    return R"("affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":)"
           R"({"nodeSelectorTerms":[)" +
           term + "]}}}";
  };
  const std::string zone =
      R"({"matchExpressions":[{"key":"zone","operator":"In","values":["z"]}]})";
  const std::string cores =
      R"({"matchExpressions":[{"key":"cores","operator":"Gt","values":["4"]}]})";
  const std::string field =
      R"({"matchFields":[{"key":"metadata.name","operator":"NotIn","values":["a"]}]})";
  for (const Case& c : std::vector<Case>{
           {"any", "", MakeNode("a"), true, true},
           {"another name", R"("nodeName":"b")", MakeNode("a"), false, false},
           {"selected", R"("nodeSelector":{"zone":"z"})", MakeNode("a", "", {{"zone", "z"}}), true,
            true},
           {"not selected", R"("nodeSelector":{"zone":"z"})", MakeNode("a"), false, false},
           {"by affinity", affinity(zone + "," + cores), MakeNode("a", "", {{"cores", "8"}}), true,
            true},
           {"by no term", affinity(zone + "," + cores), MakeNode("a", "", {{"cores", "4"}}), false,
            false},
           {"an empty term", affinity("{}"), MakeNode("a"), false, false},
           {"by its name", affinity(field), MakeNode("a"), false, false},
           {"tainted", "", MakeNode("a", taint("x", "NoSchedule")), false, true},
           {"evicting", "", MakeNode("a", taint("x", "NoExecute")), false, false},
           {"tolerated", R"("tolerations":[{"key":"x","operator":"Exists"}])",
            MakeNode("a", taint("x", "NoExecute")), true, true},
           {"silent", "", MakeNode("a", taint("node.kubernetes.io/unreachable", "NoExecute")), true,
            true},
           {"cordoned", "", MakeNode("a", taint("node.kubernetes.io/unschedulable", "NoSchedule")),
            true, true},
           {"preferred", "", MakeNode("a", taint("x", "PreferNoSchedule")), true, true},
       }) {
    SCOPED_TRACE(c.name);
    const Value set = Set("", c.spec);
    const Placement::Verdict verdict = Placement(set.At({"spec", "template"})).Of(*c.node);
    EXPECT_EQ(verdict.run, c.run);
    EXPECT_EQ(verdict.stay, c.stay);
  }
}

TEST(DaemonStatus, CountsNodes) {
  Look look(Set(R"("maxUnavailable":1)"), {{"a"}, {"b", true, false}}, {"a", "b", "c"});
  look.facts.nodes.push_back(MakeNode("d", json::WriteJson(Taint("x", "NoSchedule"))));
  auto misplaced = std::make_shared<pods::PodFacts>(*look.facts.pods[0]);
  misplaced->node = "d";
  look.facts.pods.push_back(misplaced);
  const StatusPlan plan = PlanStatus(look.facts);
  ASSERT_TRUE(plan.write);
  EXPECT_EQ(json::WriteJson(plan.write->body.At({"status"})),
            R"({"currentNumberScheduled":2,"numberMisscheduled":1,"desiredNumberScheduled":3,)"
            R"("numberReady":1,"observedGeneration":2,"updatedNumberScheduled":1,)"
            R"("numberAvailable":1,"numberUnavailable":2})");
  look.set.Set("status", plan.write->body.At({"status"}));
  EXPECT_FALSE(PlanStatus(look.facts).write);
}

}  // namespace
}  // namespace keelson::daemonset
