// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/scheduler/run/writes.h"

#include <gtest/gtest.h>

namespace keelson::scheduler::run {
namespace {

using json::Value;

constexpr char kTime[] = "2026-01-02T03:04:05Z";

Value Pod(const std::string& status, const std::string& spec = "{}",
          const std::string& metadata = "") {
  return *json::ParseYaml("{metadata: {namespace: a, name: p, uid: u, resourceVersion: '7'" +
                          metadata + "}, spec: " + spec + ", status: " + status + "}");
}
std::string Text(const std::optional<control::Write>& write) {
  if (!write) return "nothing";
  return write->subresource + " " + write->ns + "/" + write->name + " " +
         json::WriteJson(write->body);
}

TEST(Writes, ABindingNamesPodAndNode) {
  const control::Write write = Bind({"a", "p", "u"}, "n1");
  EXPECT_EQ(write.verb, control::Write::Verb::kCreate);
  EXPECT_EQ(Text(write), R"(binding a/p {"apiVersion":"v1","kind":"Binding",)"
                         R"("metadata":{"name":"p","namespace":"a","uid":"u"},)"
                         R"("target":{"kind":"Node","name":"n1"}})");
}

TEST(Writes, ARefusalIsACondition) {
  const std::string said =
      R"({"type":"PodScheduled","status":"False","lastTransitionTime":"2026-01-02T03:04:05Z",)"
      R"("reason":"Unschedulable","message":"m"})";
  const std::string old =
      "{type: PodScheduled, status: 'False', lastTransitionTime: '2020-01-01T00:00:00Z', reason: "
      "Unschedulable, message: ";
  struct Case {
    std::string_view name;
    Value pod;
    std::optional<std::string> nomination;
    std::string status;  // empty: nothing is written
  };
  const Case cases[] = {
      {"the first time", Pod("{}"), std::nullopt, R"({"conditions":[)" + said + "]}"},
      {"beside others", Pod("{conditions: [{type: Other}]}"), std::nullopt,
       R"({"conditions":[{"type":"Other"},)" + said + "]}"},
      {"said already", Pod("{conditions: [" + old + "m}]}"), std::nullopt, ""},
      {"another reason keeps the time of the change", Pod("{conditions: [" + old + "x}]}"),
       std::nullopt,
       R"({"conditions":[{"type":"PodScheduled","status":"False",)"
       R"("lastTransitionTime":"2020-01-01T00:00:00Z","reason":"Unschedulable","message":"m"}]})"},
      {"room is made", Pod("{conditions: [" + old + "m}]}"), "n1", R"({"nominatedNodeName":"n1"})"},
      {"there already", Pod("{nominatedNodeName: n1, conditions: [" + old + "m}]}"), "n1", ""},
      {"for it no longer", Pod("{nominatedNodeName: n1, conditions: [" + old + "m}]}"), "",
       R"({"nominatedNodeName":null})"},
      {"it has a node by now", Pod("{}", "{nodeName: n1}"), std::nullopt, ""},
      {"it is leaving", Pod("{}", "{}", ", deletionTimestamp: '2026-01-01T00:00:00Z'"),
       std::nullopt, ""},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(Text(Refuse(c.pod, "Unschedulable", "m", c.nomination, kTime)),
              c.status.empty()
                  ? "nothing"
                  : R"(status a/p {"metadata":{"resourceVersion":"7"},"status":)" + c.status + "}");
  }
}

TEST(Writes, ConditionsTellWhichGenerationTheyMean) {
  const auto write = Refuse(Pod("{}", "{}", ", generation: 3"), "Unschedulable", "m", {}, kTime);
  ASSERT_TRUE(write);
  EXPECT_EQ(write->body.At({"status", "conditions"}).items()[0].At({"observedGeneration"}).AsInt(),
            3);
}

TEST(Writes, AVictimIsMarkedOnce) {
  const auto write = MarkVictim(Pod("{}", "{nodeName: n1}"), kTime);
  ASSERT_TRUE(write);
  EXPECT_EQ(json::WriteJson(write->body.At({"status"})),
            R"({"conditions":[{"type":"DisruptionTarget","status":"True",)"
            R"("lastTransitionTime":"2026-01-02T03:04:05Z","reason":"PreemptionByScheduler",)"
            R"("message":"default-scheduler: preempting to accommodate a higher priority pod"}]})");
  EXPECT_FALSE(MarkVictim(Pod("{}", "{}", ", deletionTimestamp: '2026-01-01T00:00:00Z'"), kTime));
  const control::Write gone = DeleteVictim({"a", "p", "u"});
  EXPECT_EQ(gone.verb, control::Write::Verb::kDelete);
  EXPECT_EQ(gone.body.At({"preconditions", "uid"}).AsString(), "u");
}

TEST(Writes, ANominationIsForgottenWhereThereIsOne) {
  EXPECT_EQ(
      Text(ForgetNomination(Pod("{nominatedNodeName: n1}"))),
      R"(status a/p {"metadata":{"resourceVersion":"7"},"status":{"nominatedNodeName":null}})");
  EXPECT_FALSE(ForgetNomination(Pod("{}")));
}

}  // namespace
}  // namespace keelson::scheduler::run
