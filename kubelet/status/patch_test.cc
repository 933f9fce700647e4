// SPDX-License-Identifier: Apache-2.0
#include "kubelet/status/patch.h"

#include <gtest/gtest.h>

namespace keelson::status {
namespace {

json::Value Json(std::string_view text) { return json::ParseJson(text).value(); }

struct Case {
  std::string_view name, known, wanted, patch;  // patch: of the status; empty: none
};
constexpr Case kCases[] = {
    {.name = "what is the same is not written",
     .known = R"({"phase":"Running","podIP":"10.0.0.1"})",
     .wanted = R"({"podIP":"10.0.0.1","phase":"Running"})",
     .patch = ""},
    {.name = "only what differs is written",
     .known = R"({"phase":"Pending","qosClass":"Burstable"})",
     .wanted = R"({"phase":"Running","qosClass":"Burstable"})",
     .patch = R"({"phase":"Running"})"},
    {.name = "a condition keeps since when it holds",
     .known = R"({"conditions":[{"type":"Ready","status":"True","lastTransitionTime":"then"}]})",
     .wanted = R"({"conditions":[{"type":"Ready","status":"True","lastTransitionTime":"now"}]})",
     .patch = ""},
    {.name = "a condition that changed goes alone, without what it no longer says",
     .known = R"({"conditions":[{"type":"Ready","status":"False","reason":"r"},)"
              R"({"type":"Mine","status":"True"},{"type":"PodScheduled","status":"True"}]})",
     .wanted = R"({"conditions":[{"type":"PodScheduled","status":"True",)"
               R"("lastTransitionTime":null},{"type":"Ready","status":"True"}]})",
     .patch = R"({"conditions":[{"type":"PodScheduled","status":"True","lastTransitionTime":null},)"
              R"({"type":"Ready","status":"True","reason":null}]})"},
    {.name = "an address that went is taken away by name",
     .known = R"({"podIPs":[{"ip":"10.0.0.1"},{"ip":"fd::1"}]})",
     .wanted = R"({"podIPs":[{"ip":"10.0.0.2"},{"ip":"fd::1"}]})",
     .patch = R"({"podIPs":[{"$patch":"delete","ip":"10.0.0.1"},{"ip":"10.0.0.2"},)"
              R"({"ip":"fd::1"}]})"},
    {.name = "a reason that is over is taken away, what others wrote stays",
     .known = R"({"phase":"Running","reason":"r","nominatedNodeName":"b"})",
     .wanted = R"({"phase":"Running"})",
     .patch = R"({"reason":null})"},
};

TEST(StatusPatch, IsWhatDiffers) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    const auto patch = PlanPatch("u", Json(c.known), Json(c.wanted));
    ASSERT_EQ(patch.has_value(), !c.patch.empty())
        << json::WriteJson(patch.value_or(json::Value()));
    if (!patch) continue;
    EXPECT_EQ(patch->At({"metadata", "uid"}).AsString(), "u");
    EXPECT_EQ(json::WriteJson(patch->At({"status"})), json::WriteJson(Json(c.patch)));
  }
}

TEST(StatusPatch, AnEndIsMoreUrgentThanReadinessThanTheRest) {
  const json::Value pending = Json(R"({"phase":"Pending"})");
  const json::Value ready =
      Json(R"({"phase":"Running","conditions":[{"type":"Ready","status":"True"}]})");
  EXPECT_EQ(UrgencyOf(pending, Json(R"({"phase":"Failed"})")), Urgency::kTerminal);
  EXPECT_EQ(UrgencyOf(pending, ready), Urgency::kReadiness);
  EXPECT_EQ(UrgencyOf(pending, Json(R"({"phase":"Running"})")), Urgency::kOther);
}

TEST(StatusPatch, APodThatIsGoneHasEndedAndNothingOfItIsReady) {
  const char* const kRan = R"({"phase":"Running","conditions":[{"type":"Ready","status":"True"}],
      "containerStatuses":[{"name":"a","ready":true,"state":{"terminated":{"exitCode":0}}}]})";
  const json::Value well = Terminated(Json(kRan));
  EXPECT_EQ(well.At({"phase"}).AsString(), "Succeeded");
  EXPECT_EQ(well.At({"conditions"}).items()[0].At({"status"}).AsString(), "False");
  EXPECT_EQ(well.At({"conditions"}).items()[0].At({"reason"}).AsString(), "PodCompleted");
  EXPECT_FALSE(well.At({"containerStatuses"}).items()[0].At({"ready"}).AsBool());

  const json::Value lost = Terminated(
      Json(R"({"phase":"Pending","containerStatuses":[{"name":"a","state":{"waiting":{}}}]})"));
  EXPECT_EQ(lost.At({"phase"}).AsString(), "Failed");
  EXPECT_EQ(
      lost.At({"containerStatuses"}).items()[0].At({"state", "terminated", "reason"}).AsString(),
      "ContainerStatusUnknown");

  const json::Value waited = Terminated(
      Json(R"({"phase":"Running","containerStatuses":[{"name":"a","state":{"waiting":{}},)"
           R"("lastState":{"terminated":{"exitCode":3}}}]})"));
  EXPECT_EQ(
      waited.At({"containerStatuses"}).items()[0].At({"state", "terminated", "exitCode"}).AsInt(),
      3);
  EXPECT_EQ(waited.At({"phase"}).AsString(), "Failed");

  // Who came to look at it decides nothing.
  const json::Value debugged = Terminated(Json(
      R"({"containerStatuses":[{"name":"a","state":{"terminated":{"exitCode":0}}}],)"
      R"("ephemeralContainerStatuses":[{"name":"d","state":{"terminated":{"exitCode":1}}}]})"));
  EXPECT_EQ(debugged.At({"phase"}).AsString(), "Succeeded");
}

TEST(StatusPatch, AGateThatDoesNotHoldKeepsThePodUnready) {
  const json::Value spec = Json(R"({"readinessGates":[{"conditionType":"x/y"}]})");
  const char* const kReady = R"({"conditions":[{"type":"Ready","status":"True"}]})";
  json::Value status = Json(kReady);
  ApplyReadinessGates(spec, Json("{}"), status);
  EXPECT_EQ(status.At({"conditions"}).items()[0].At({"reason"}).AsString(),
            "ReadinessGatesNotReady");
  status = Json(kReady);
  ApplyReadinessGates(spec, Json(R"({"conditions":[{"type":"x/y","status":"True"}]})"), status);
  EXPECT_EQ(status.At({"conditions"}).items()[0].At({"status"}).AsString(), "True");
}

}  // namespace
}  // namespace keelson::status
