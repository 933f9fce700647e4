// SPDX-License-Identifier: Apache-2.0
// Rows of objects that need no defaults; the recorded rows of all kinds are replayed through the
// server (tests/master).
#include "minimal-master/table/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/base/rfc3339.h"
#include "minimal-master/table/text.h"

namespace keelson::table {
namespace {

using testing::ElementsAre;

constexpr char kNow[] = "2026-01-02T00:00:00Z";

std::string Text(const json::Value& value) { return json::WriteJson(value); }

std::vector<std::string> Cells(std::string_view group, std::string_view kind,
                               const std::string& yaml) {
  const base::Result<json::Value> object = json::ParseYaml(yaml);
  EXPECT_TRUE(object.ok()) << object.error().message();
  std::vector<std::string> out;
  for (const json::Value& cell : RowOf(group, kind, *object, *base::ParseRfc3339(kNow)).cells)
    out.push_back(Text(cell));
  return out;
}

TEST(HumanDurations, SayAtMostTwoUnits) {
  const std::pair<int64_t, const char*> cases[] = {
      {-5, "<invalid>"}, {-1, "0s"},         {0, "0s"},         {119, "119s"},
      {120, "2m"},       {125, "2m5s"},      {600, "10m"},      {10799, "179m"},
      {10800, "3h"},     {11100, "3h5m"},    {28800, "8h"},     {172799, "47h"},
      {172800, "2d"},    {180000, "2d2h"},   {691200, "8d"},    {63071999, "729d"},
      {63072000, "2y"},  {63158400, "2y1d"}, {252288000, "8y"}, {283824000, "9y"},
  };
  for (const auto& [seconds, text] : cases) EXPECT_EQ(HumanDuration(seconds), text) << seconds;
}

TEST(PodRows, OneWordForWhatIsTheMatter) {
  EXPECT_THAT(Cells("", "Pod", R"(
metadata: {name: web, creationTimestamp: "2026-01-01T23:00:00Z"}
spec: {nodeName: n1, containers: [{name: a}, {name: b}], readinessGates: [{conditionType: x}]}
status:
  phase: Running
  podIP: 10.0.0.1
  conditions: [{type: x, status: "True"}]
  containerStatuses:
  - {name: a, ready: true, restartCount: 0, state: {running: {}}}
  - name: b
    restartCount: 3
    state: {waiting: {reason: CrashLoopBackOff}}
    lastState: {terminated: {finishedAt: "2026-01-01T23:50:00Z"}}
)"),
              ElementsAre("\"web\"", "\"1/2\"", "\"CrashLoopBackOff\"", "\"3 (10m ago)\"",
                          "\"60m\"", "\"10.0.0.1\"", "\"n1\"", "\"<none>\"", "\"1/1\""));
}

TEST(PodRows, AnInitContainerThatFailedIsNamed) {
  EXPECT_EQ(Cells("", "Pod", R"(
metadata: {name: p}
spec: {containers: [{name: a}], initContainers: [{name: i}, {name: j}]}
status:
  phase: Pending
  initContainerStatuses:
  - {name: i, state: {terminated: {exitCode: 0}}}
  - {name: j, state: {terminated: {exitCode: 7}}}
  containerStatuses: [{name: a, state: {waiting: {reason: PodInitializing}}}]
)")[2],
            "\"Init:ExitCode:7\"");
}

TEST(PodRows, ThoseThatEndedCarryACondition) {
  const base::Result<json::Value> pod = json::ParseYaml("status: {phase: Failed}");
  const Row row = RowOf("", "Pod", *pod, 0);
  ASSERT_EQ(row.conditions.size(), 1u);
  EXPECT_EQ(row.conditions[0].At({"reason"}).AsString(), "Failed");
}

TEST(EventRows, BothFormsOfAnEventLookTheSame) {
  const std::vector<std::string> core = Cells("", "Event", R"(
metadata: {name: e}
involvedObject: {kind: Pod, name: x}
reason: R
message: " hello "
firstTimestamp: "2026-01-01T00:00:00Z"
lastTimestamp: "2026-01-01T23:59:00Z"
count: 4
source: {component: kubelet, host: n1}
)");
  EXPECT_EQ(core, Cells("events.k8s.io", "Event", R"(
metadata: {name: e}
regarding: {kind: Pod, name: x}
reason: R
note: " hello "
deprecatedFirstTimestamp: "2026-01-01T00:00:00Z"
deprecatedLastTimestamp: "2026-01-01T23:59:00Z"
deprecatedCount: 4
deprecatedSource: {component: kubelet, host: n1}
)"));
  EXPECT_THAT(core, ElementsAre("\"60s\"", "\"\"", "\"R\"", "\"pod/x\"", "\"\"", "\"kubelet, n1\"",
                                "\"hello\"", "\"24h\"", "4", "\"e\""));
}

TEST(Rows, OfKindsWithoutColumnsAreNameAndTime) {
  EXPECT_THAT(Cells("ex.io", "Foo", R"({metadata: {name: f, creationTimestamp: "t"}})"),
              ElementsAre("\"f\"", "\"t\""));
}

TEST(Selectors, AreWrittenInOrderOfTheirKeys) {
  const base::Result<json::Value> selector = json::ParseYaml(
      "{matchLabels: {b: x}, matchExpressions: [{key: c, operator: NotIn, values: [w, v]},"
      " {key: a, operator: Exists}, {key: d, operator: DoesNotExist}]}");
  EXPECT_EQ(LabelSelector(*selector), "a,b=x,c notin (v,w),!d");
  EXPECT_EQ(LabelSelector(json::Value()), "<none>");
}

}  // namespace
}  // namespace keelson::table
