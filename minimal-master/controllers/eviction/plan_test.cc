// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/eviction/plan.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "minimal-master/control/times.h"

namespace keelson::controllers::eviction {
namespace {

using control::Write;
using json::Value;

int64_t At(int seconds) {
  return *control::ReadTime("2026-01-01T00:00:00Z") + int64_t{seconds} * 1'000'000'000;
}

TEST(EvictionTime, IsWhenTheFirstTolerationRunsOut) {
  struct Case {
    std::string_view name;
    const char* taints;
    const char* tolerations;
    std::optional<int64_t> expected;  // nothing: never; 0: at once
  };
  // The pod is there since second 10, what does not say it since second 20.
  const char* a = "{key: a, effect: NoExecute, timeAdded: '2026-01-01T00:00:30Z'}";
  const char* old = "{key: old, effect: NoExecute, timeAdded: '2026-01-01T00:00:00Z'}";
  const char* mute = "{key: mute, value: v, effect: NoExecute}";
  const Case cases[] = {
      {"not tolerated", a, "", 0},
      {"for ever", a, "{key: a, operator: Exists}", std::nullopt},
      {"all keys", a, "{operator: Exists}", std::nullopt},
      {"by another effect", a, "{key: a, operator: Exists, effect: NoSchedule}", 0},
      {"for a time", a, "{key: a, operator: Exists, tolerationSeconds: 5}", At(35)},
      {"for no time", a, "{key: a, operator: Exists, tolerationSeconds: 0}", 0},
      {"the first that fits counts", a,
       "{key: a, operator: Exists, tolerationSeconds: 7}, {operator: Exists}", At(37)},
      {"not before it was there", old, "{key: old, operator: Exists, tolerationSeconds: 5}",
       At(15)},
      {"since it is known", mute, "{key: mute, value: v, tolerationSeconds: 5}", At(25)},
      {"another value", mute, "{key: mute, operator: Equal, value: w}", 0},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    Facts facts;
    facts.pod = *json::ParseYaml(
        fmt::format("{{metadata: {{creationTimestamp: '2026-01-01T00:00:10Z'}}, spec: "
                    "{{tolerations: [{}]}}}}",
                    c.tolerations));
    facts.taints = EvictingTaints(*json::ParseYaml(
        fmt::format("{{spec: {{taints: [{}, {{key: x, effect: NoSchedule}}]}}}}", c.taints)));
    facts.seen = At(20);
    EXPECT_EQ(EvictionTime(facts), c.expected);
  }
}

TEST(EvictionTime, OfSeveralTaintsTheFirstCounts) {
  Facts facts;
  facts.pod = *json::ParseYaml(
      "{spec: {tolerations: [{key: a, operator: Exists, tolerationSeconds: 60}, {key: b, operator: "
      "Exists, tolerationSeconds: 5}]}}");
  facts.taints = {*json::ParseYaml("{key: a, effect: NoExecute}"),
                  *json::ParseYaml("{key: b, effect: NoExecute}")};
  facts.seen = At(0);
  EXPECT_EQ(EvictionTime(facts), At(5));
}

TEST(Eviction, SaysWhyBeforeThePodGoes) {
  const Value pod = *json::ParseYaml(
      "{metadata: {name: p, namespace: a, uid: u}, status: {conditions: [{type: Ready, status: "
      "'True'}]}}");
  const std::vector<Write> writes = PlanEviction(pod, At(0));
  ASSERT_EQ(writes.size(), 2u);
  EXPECT_EQ(writes[0].subresource, "status");
  const auto& conditions = writes[0].body.At({"status", "conditions"}).items();
  ASSERT_EQ(conditions.size(), 2u);
  EXPECT_EQ(conditions[1].At({"reason"}).AsString(), "DeletionByTaintManager");
  EXPECT_EQ(writes[1].verb, Write::Verb::kDelete);
  EXPECT_EQ(writes[1].body.At({"preconditions", "uid"}).AsString(), "u");
  EXPECT_EQ(PlanEviction(writes[0].body, At(1)).size(), 1u) << "once is enough";
}

}  // namespace
}  // namespace keelson::controllers::eviction
