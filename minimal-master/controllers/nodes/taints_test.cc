// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/nodes/taints.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace keelson::controllers::nodes {
namespace {

using json::Value;

std::string TaintsOf(const Value& node) {
  std::string out;
  for (const Value& taint : node.At({"spec", "taints"}).items()) {
    std::string key = taint.At({"key"}).AsString();
    key = key.substr(key.find('/') + 1);
    out += (out.empty() ? "" : " ") + key + ":" + taint.At({"effect"}).AsString().substr(2);
  }
  return out;
}

TEST(NodeTaints, FollowWhatTheNodeSays) {
  struct Case {
    std::string_view name;
    const char* conditions;
    const char* taints;  // "key:effect" before
    Evict evict;
    std::string_view expected;  // "same": nothing is written
    bool unschedulable = false;
  };
  const Case cases[] = {
      {"ready", "{type: Ready, status: 'True'}", "not-ready:NoSchedule", Evict::kNo, ""},
      {"never", "", "not-ready:NoSchedule", Evict::kNo, ""},
      {"as it should be", "{type: Ready, status: 'True'}", "", Evict::kNo, "same"},
      {"not ready", "{type: Ready, status: 'False'}", "not-ready:NoSchedule", Evict::kYes,
       "not-ready:Schedule not-ready:Execute"},
      {"its turn has not come", "{type: Ready, status: Unknown}", "", Evict::kKeep,
       "unreachable:Schedule"},
      {"by the other name", "{type: Ready, status: Unknown}",
       "not-ready:NoSchedule,not-ready:NoExecute", Evict::kKeep,
       "unreachable:Schedule unreachable:Execute"},
      {"nobody is there", "{type: Ready, status: Unknown}",
       "unreachable:NoSchedule,unreachable:NoExecute", Evict::kNo, "unreachable:Schedule"},
      {"pressure", "{type: Ready, status: 'True'}, {type: DiskPressure, status: 'True'}",
       "memory-pressure:NoSchedule", Evict::kNo, "disk-pressure:Schedule"},
      {"cordoned", "{type: Ready, status: 'True'}", "mine:NoExecute", Evict::kNo,
       "mine:Execute unschedulable:Schedule", true},
      {"others' stay", "{type: Ready, status: 'True'}",
       "mine:NoSchedule,disk-pressure:NoExecute,not-ready:PreferNoSchedule", Evict::kNo, "same"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    std::string taints;
    std::string given = c.taints;
    for (size_t at = 0; at < given.size();) {
      const size_t end = std::min(given.find(',', at), given.size());
      const std::string one = given.substr(at, end - at);
      const size_t colon = one.find(':');
      taints += fmt::format("{}{{key: node.kubernetes.io/{}, effect: {}}}", at == 0 ? "" : ", ",
                            one.substr(0, colon), one.substr(colon + 1));
      at = end + 1;
    }
    const Value node = *json::ParseYaml(
        fmt::format("{{metadata: {{name: n}}, spec: {{taints: [{}], unschedulable: {}}}, status: "
                    "{{conditions: [{}]}}}}",
                    taints, c.unschedulable, c.conditions));
    const auto write = PlanNode(node, c.evict, 0);
    EXPECT_EQ(write ? TaintsOf(write->body) : "same", c.expected);
    if (write) {
      EXPECT_FALSE(PlanNode(write->body, c.evict, 0));
    }
  }
}

TEST(NodeTaints, OldLabelsSayWhatNewOnesSay) {
  const Value node = *json::ParseYaml(
      "{metadata: {name: n, labels: {kubernetes.io/os: linux, kubernetes.io/arch: amd64, "
      "beta.kubernetes.io/arch: wrong}}}");
  const auto write = PlanNode(node, Evict::kNo, 0);
  ASSERT_TRUE(write);
  EXPECT_EQ(write->body.At({"metadata", "labels", "beta.kubernetes.io/os"}).AsString(), "linux");
  EXPECT_EQ(write->body.At({"metadata", "labels", "beta.kubernetes.io/arch"}).AsString(), "amd64");
}

}  // namespace
}  // namespace keelson::controllers::nodes
