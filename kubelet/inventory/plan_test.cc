// SPDX-License-Identifier: Apache-2.0
#include "kubelet/inventory/plan.h"

#include <gtest/gtest.h>

namespace keelson::node_inventory {
namespace {

using Kind = Remedy::Kind;

// One pod with everything, and the same of one that is not there.
Facts Both() {
  Facts facts{.root = "/k"};
  facts.pods["u"] = "default/web";
  facts.volumes["u"] = {5, {"/k/pods/u/volumes/a"}};
  facts.volumes["x"] = {7, {"/k/pods/x/volumes/a"}};
  facts.groups = {{"/kubepods/podu", "u", false, {3}}, {"/kubepods/podx", "x", false, {}}};
  facts.logs = {{"/l/default_web_u", "u", 1}, {"/l/default_gone_x", "x", 2}};
  facts.links["/c/web"] = "/l/default_web_u/0.log";
  facts.dangling["/c/gone"] = "/l/default_gone_x/0.log";
  return facts;
}

struct Found {
  std::string thing;
  Kind kind;
  std::string target;
  bool operator==(const Found&) const = default;
};
std::vector<Found> Problems(const Facts& facts) {
  std::vector<Found> out;
  for (const Judged& one : Judge(facts)) {
    if (one.item.problem.empty()) {
      EXPECT_FALSE(one.item.owner.empty()) << one.item.thing;
      EXPECT_EQ(one.remedy.kind, Kind::kNone);
      continue;
    }
    EXPECT_EQ(one.item.refused.empty(), one.remedy.kind != Kind::kNone) << one.item.thing;
    out.push_back({one.item.thing, one.remedy.kind, one.remedy.target});
  }
  return out;
}

TEST(NodeInventoryPlan, WhatNoPodHasIsTakenAway) {
  EXPECT_EQ(Problems(Both()),
            (std::vector<Found>{{"/kubepods/podx", Kind::kRemoveGroup, "/kubepods/podx"},
                                {"/k/pods/x/volumes/a", Kind::kTearDownVolumes, "x"},
                                {"/k/pods/x", Kind::kTearDownVolumes, "x"},
                                {"/c/gone", Kind::kRemoveFile, "/c/gone"},
                                {"/l/default_gone_x", Kind::kRemoveTree, "/l/default_gone_x"}}));
}

TEST(NodeInventoryPlan, NothingWhileAKubeletRuns) {
  Facts facts = Both();
  facts.runs = "kubelet (pid 7)";
  const std::vector<Found> problems = Problems(facts);
  EXPECT_EQ(problems.size(), 4u);  // a link may be ahead of its log
  for (const Found& one : problems) EXPECT_EQ(one.kind, Kind::kNone) << one.thing;
}

TEST(NodeInventoryPlan, NothingOfAPodInWhoseGroupSomethingLives) {
  Facts facts = Both();
  facts.groups[1].processes = {9};
  for (const Found& one : Problems(facts)) {
    if (one.thing == "/c/gone") continue;
    EXPECT_EQ(one.kind, Kind::kNone) << one.thing;
  }
}

TEST(NodeInventoryPlan, NothingWhileItIsNotKnownWhichPodsThereAre) {
  Facts facts = Both();
  facts.pods.clear();
  facts.blind = "the runtime does not answer";
  for (const Judged& one : Judge(facts)) {
    if (one.item.kind == "log link") continue;
    EXPECT_EQ(one.remedy.kind, Kind::kNone);
    EXPECT_EQ(one.item.refused, facts.blind);
  }
}

TEST(NodeInventoryPlan, SlicesAreLeftToSystemd) {
  Facts facts;
  facts.groups = {{"/kubepods.slice/kubepods-podx.slice", "x", true, {}}};
  const std::vector<Judged> judged = Judge(facts);
  ASSERT_EQ(judged.size(), 1u);
  EXPECT_EQ(judged[0].item.refused, "it is systemd's: systemctl stop kubepods-podx.slice");
  EXPECT_EQ(judged[0].remedy.kind, Kind::kNone);
}

}  // namespace
}  // namespace keelson::node_inventory
