// SPDX-License-Identifier: Apache-2.0
#include "runtime/inventory/plan.h"

#include <gtest/gtest.h>

#include <functional>

namespace keelson::inventory {
namespace {

using container::SandboxState;
using Kind = Remedy::Kind;

const std::string kPod(64, 'a'), kContainer(64, 'b'), kGone(64, 'c');
const std::string kImage = "sha256:" + std::string(64, '1');
const std::string kManifest = "sha256:" + std::string(64, '2');
const std::string kLayer = "sha256:" + std::string(64, '3');
const std::string kStray = "sha256:" + std::string(64, '4');

// A pod with a container, a host port and an image; all is well, no daemon runs.
Facts Well() {
  Facts facts{.state_dir = "/s", .run_dir = "/r", .bridge = "br"};
  Records& records = facts.before;
  records.pods[kPod] = {.state = SandboxState::kReady,
                        .uid = "u",
                        .name_space = "default",
                        .name = "web",
                        .bytes = 10};
  records.containers[kContainer] = {
      .sandbox_id = kPod, .name = "main", .images = {kImage}, .cgroup_path = "/p/" + kContainer};
  records.images[kImage] = {.manifest = kManifest, .layers = {kLayer}};
  records.names["n.rec"] = {.name = "busybox:demo", .image_id = kImage};
  records.addresses[kPod] = "10.0.0.2";
  records.host_ports[kPod] = {"10.0.0.2"};
  facts.after = records;
  Things& things = facts.things;
  things.blobs[kImage] = things.blobs[kManifest] = {.bytes = 5};
  things.layers[kLayer] = {.bytes = 7};
  things.pins[kPod] = true;
  things.links = {{"br"}, {"klaaaaaaaaaaaa", true}, {"kiaaaaaaaaaaaa"}};
  things.groups = {{"/p/" + kPod, kPod, {11}}, {"/p/" + kContainer, kContainer, {12}}};
  things.processes = {{10, 1, "keelson-anchor", ""}, {11, 2, "keelson-monitor", kPod}};
  things.chains = {{"iptables-nft", "nat", "KEELSON-HP-br", "br", {"10.0.0.2"}}};
  things.bridges = {"br", "lo"};
  things.mounts = {{"/r/netns", "tmpfs"}};
  things.run_dirs["/r/pods/" + kPod.substr(0, 24)] = 1;
  things.fixed["/r/runtime.lock"] = 0;
  return facts;
}

std::vector<Judged> Problems(const Facts& facts) {
  std::vector<Judged> problems;
  for (Judged& one : Judge(facts)) {
    if (!one.item.problem.empty()) problems.push_back(std::move(one));
  }
  return problems;
}

TEST(InventoryPlan, OfANodeThatIsWellEverythingHasAnOwner) {
  EXPECT_TRUE(Problems(Well()).empty());
  for (const Judged& one : Judge(Well())) {
    EXPECT_FALSE(one.item.owner.empty()) << one.item.thing;
    EXPECT_EQ(one.remedy.kind, Kind::kNone) << one.item.thing;
  }
  EXPECT_EQ(KnownPods(Well()), (std::vector<Pod>{{kPod, "u", "default", "web"}}));
}

// Both moments' records.
void InRecords(Facts& facts, const std::function<void(Records&)>& change) {
  change(facts.before);
  change(facts.after);
}

struct Case {
  std::string_view name;
  std::function<void(Facts&)> change;
  std::string thing;         // of the one problem
  std::string_view problem;  // a part of it
  Kind remedy;               // without a daemon
  Kind running;              // while one lives
  std::string target = {};   // empty: as the thing
};

TEST(InventoryPlan, WhatHasNoOwnerIsNamedAndNothingElse) {
  const std::string container = "/s/containers/" + kGone;
  const std::string stray = std::string(64, '4');
  const Case cases[] = {
      {"a pin", [](Facts& f) { f.things.pins[kGone] = true; }, "/r/netns/" + kGone, "no pod has it",
       Kind::kUnpin, Kind::kUnpin},
      {"a veth", [](Facts& f) { f.things.links.push_back({"klcccccccccccc", true}); },
       "klcccccccccccc", "no pod has it", Kind::kDeleteLink, Kind::kDeleteLink},
      {"a veth beside the bridge", [](Facts& f) { f.things.links.push_back({"klcccccccccccc"}); },
       "klcccccccccccc", "no pod has it", Kind::kDeleteLink, Kind::kDeleteLink},
      {"an empty cgroup", [](Facts& f) { f.things.groups.push_back({"/p/x" + kGone, kGone, {}}); },
       "/p/x" + kGone, "no container and no pod has it", Kind::kRemoveGroup, Kind::kRemoveGroup},
      {"a cgroup with processes",
       [](Facts& f) { f.things.groups.push_back({"/p/x" + kGone, kGone, {77}}); }, "/p/x" + kGone,
       "no container and no pod has it", Kind::kNone, Kind::kNone},
      {"a container's directory without a record",
       [](Facts& f) { InRecords(f, [](Records& r) { r.containers[kGone].error = kNoRecord; }); },
       container, "no record", Kind::kRemoveTree, Kind::kRemoveTree},
      {"a container's record with a flipped byte",
       [](Facts& f) { f.after.containers[kGone].error = f.before.containers[kGone].error = "bad"; },
       container, "its record is unusable: bad", Kind::kRemoveTree, Kind::kNone},
      {"a container without a pod",
       [](Facts& f) {
         InRecords(f, [](Records& r) { r.containers[kGone].sandbox_id = "elsewhere"; });
       },
       container, "its pod elsewhere is not there", Kind::kRemoveTree, Kind::kNone},
      {"a pod's directory without a record",
       [](Facts& f) { InRecords(f, [](Records& r) { r.pods[kGone].error = kNoRecord; }); },
       "/s/pods/" + kGone, "no record", Kind::kRemoveTree, Kind::kNone},
      {"a run directory", [](Facts& f) { f.things.run_dirs["/r/pods/cccc"] = 3; }, "/r/pods/cccc",
       "no pod has it", Kind::kRemoveTree, Kind::kRemoveTree},
      {"a monitor",
       [](Facts& f) { f.things.processes.push_back({99, 5, "keelson-monitor", kGone}); },
       "keelson-monitor (pid 99)", "is not known", Kind::kEndMonitor, Kind::kNone, kGone},
      {"a mount", [](Facts& f) { f.things.mounts.push_back({"/s/layers/x", "overlay"}); },
       "/s/layers/x", "a mount (overlay)", Kind::kUnmount, Kind::kUnmount},
      {"chains of a bridge that is gone",
       [](Facts& f) {
         f.things.chains.push_back({"iptables-nft", "filter", "KEELSON-FWD-old", "old"});
       },
       "iptables-nft filter KEELSON-FWD-old", "its bridge old is not there", Kind::kRemoveChains,
       Kind::kRemoveChains, "old"},
      {"a rule that leads nowhere",
       [](Facts& f) { f.things.chains[0].targets.emplace_back("10.0.0.9"); },
       "iptables-nft nat KEELSON-HP-br", "leads to 10.0.0.9", Kind::kWriteHostPorts, Kind::kNone,
       "v4"},
      {"an address",
       [](Facts& f) { InRecords(f, [](Records& r) { r.addresses[kGone] = "10.0.0.9"; }); },
       "10.0.0.9", "is not known", Kind::kForgetAddress, Kind::kNone, kGone},
      {"host ports", [](Facts& f) { InRecords(f, [](Records& r) { r.host_ports[kGone] = {}; }); },
       "of cccccccccccc", "is not known", Kind::kForgetHostPorts, Kind::kNone, kGone},
      {"the list of addresses while pods use it",
       [](Facts& f) { InRecords(f, [](Records& r) { r.errors["/s/network/addresses"] = "bad"; }); },
       "/s/network/addresses", "bad", Kind::kNone, Kind::kNone},
      {"a layer", [](Facts& f) { f.things.layers[kStray] = {"bad record", 9}; },
       "/s/layers/sha256/" + stray, "no image leads to it", Kind::kRemoveTree, Kind::kNone},
      {"a blob", [](Facts& f) { f.things.blobs[kStray] = {}; }, "/s/images/blobs/sha256/" + stray,
       "no image leads to it", Kind::kRemoveTree, Kind::kNone},
      {"an image without name and container",
       [](Facts& f) { InRecords(f, [](Records& r) { r.images[kStray] = {}; }); },
       "/s/images/images/" + stray + ".rec", "no name and no container", Kind::kRemoveTree,
       Kind::kNone},
      {"a name without its image",
       [](Facts& f) {
         InRecords(f, [](Records& r) { r.names["m.rec"] = {.name = "m", .image_id = kStray}; });
       },
       "/s/images/names/m.rec", "m leads to an image that is not there", Kind::kRemoveTree,
       Kind::kNone},
      {"something put aside", [](Facts& f) { f.things.quarantine["/s/quarantine/q"] = 1; },
       "/s/quarantine/q", "put aside", Kind::kRemoveTree, Kind::kRemoveTree},
      {"a stranger", [](Facts& f) { f.things.strangers["/s/notes"] = 1; }, "/s/notes",
       "nothing of Keelson's", Kind::kNone, Kind::kNone},
  };
  for (const Case& c : cases) {
    for (const bool runs : {false, true}) {
      SCOPED_TRACE(std::string(c.name) + (runs ? ", a daemon runs" : ""));
      Facts facts = Well();
      facts.runs = runs;
      c.change(facts);
      const std::vector<Judged> problems = Problems(facts);
      ASSERT_EQ(problems.size(), 1u);
      const Judged& one = problems[0];
      EXPECT_EQ(one.item.thing, c.thing);
      EXPECT_NE(one.item.problem.find(c.problem), std::string::npos) << one.item.problem;
      EXPECT_EQ(one.item.owner, "");
      const Kind expected = runs ? c.running : c.remedy;
      EXPECT_EQ(one.remedy.kind, expected);
      EXPECT_EQ(one.item.refused.empty(), expected != Kind::kNone) << one.item.refused;
      if (expected != Kind::kNone) {
        EXPECT_EQ(one.remedy.target, c.target.empty() ? c.thing : c.target);
      }
    }
  }
}

TEST(InventoryPlan, WhatIsMissingIsSaidOfItsOwnerAndNotTouched) {
  const Case cases[] = {
      {"a pin", [](Facts& f) { f.things.pins.clear(); }, "/r/netns/" + kPod, "not pinned", {}, {}},
      {"a pin without its mount",
       [](Facts& f) { f.things.pins[kPod] = false; },
       "/r/netns/" + kPod,
       "not pinned",
       {},
       {}},
      {"a monitor",
       [](Facts& f) { f.things.processes.pop_back(); },
       "keelson-monitor of aaaaaaaaaaaa",
       "has no monitor",
       {},
       {}},
      {"a layer",
       [](Facts& f) { f.things.layers.clear(); },
       "/s/images/images/" + std::string(64, '1') + ".rec",
       "is not there",
       {},
       {}},
      {"a layer's record",
       [](Facts& f) { f.things.layers[kLayer].error = "bad"; },
       "/s/layers/sha256/" + std::string(64, '3'),
       "bad",
       {},
       {}},
      {"a document's content",
       [](Facts& f) { f.things.blobs[kManifest].error = "bad"; },
       "/s/images/blobs/sha256/" + std::string(64, '2'),
       "bad",
       {},
       {}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    Facts facts = Well();
    c.change(facts);
    std::vector<Judged> problems = Problems(facts);
    std::erase_if(problems, [&](const Judged& one) { return one.item.thing != c.thing; });
    ASSERT_EQ(problems.size(), 1u);
    EXPECT_NE(problems[0].item.problem.find(c.problem), std::string::npos);
    EXPECT_FALSE(problems[0].item.owner.empty());
    EXPECT_FALSE(problems[0].item.refused.empty());
    EXPECT_EQ(problems[0].remedy.kind, Kind::kNone);
  }
}

TEST(InventoryPlan, WhatIsOnItsWayInOrOutHasAnOwner) {
  Facts facts = Well();
  facts.runs = true;
  // Made, and ended, between the two readings of the records.
  facts.after.pods[kGone] = {.state = SandboxState::kReady};
  facts.things.pins[kGone] = false;
  facts.before.pods["ddd"] = {.state = SandboxState::kStopping};
  facts.things.pins["ddd"] = true;
  facts.things.temporary["/s/layers/staging/x"] = 1;
  EXPECT_TRUE(Problems(facts).empty());
}

TEST(InventoryPlan, AStoppedPodHoldsNothing) {
  Facts facts = Well();
  InRecords(facts, [](Records& r) { r.pods[kPod].state = SandboxState::kStopped; });
  std::vector<std::string> kinds;
  for (const Judged& one : Problems(facts)) kinds.push_back(one.item.kind);
  EXPECT_EQ(kinds, (std::vector<std::string>{"process", "network namespace", "link", "link",
                                             "address", "host ports", "cgroup", "directory"}));
}

TEST(InventoryPlan, AnUnusablePodThatLivesKeepsAllOfItsThings) {
  Facts facts = Well();
  InRecords(facts, [](Records& r) { r.pods[kPod] = {.error = "a wrong checksum"}; });
  const std::vector<Judged> problems = Problems(facts);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].item.thing, "/s/pods/" + kPod);
  EXPECT_EQ(problems[0].remedy.kind, Kind::kNone);
  EXPECT_NE(problems[0].item.refused.find("the pod lives"), std::string::npos);
}

TEST(InventoryPlan, AnUnusablePodThatIsDeadGoesWithAllOfItsThings) {
  Facts facts = Well();
  InRecords(facts, [](Records& r) { r.pods[kPod] = {.error = "a wrong checksum"}; });
  facts.things.processes.pop_back();
  for (GroupFact& group : facts.things.groups) group.processes.clear();
  std::vector<Kind> remedies;
  for (const Judged& one : Problems(facts)) remedies.push_back(one.remedy.kind);
  EXPECT_EQ(remedies, (std::vector<Kind>{Kind::kUnpin, Kind::kDeleteLink, Kind::kDeleteLink,
                                         Kind::kForgetAddress, Kind::kForgetHostPorts,
                                         Kind::kRemoveGroup, Kind::kRemoveGroup, Kind::kRemoveTree,
                                         Kind::kRemoveTree, Kind::kRemoveTree}));
}

TEST(InventoryPlan, APodWhoseRecordIsLostIsEndedWithAllOfItsThings) {
  Facts facts = Well();
  InRecords(facts, [](Records& r) { r.pods.clear(); });
  std::vector<Kind> remedies;
  for (const Judged& one : Problems(facts)) remedies.push_back(one.remedy.kind);
  EXPECT_EQ(remedies, (std::vector<Kind>{Kind::kEndMonitor, Kind::kUnpin, Kind::kDeleteLink,
                                         Kind::kDeleteLink, Kind::kForgetAddress,
                                         Kind::kForgetHostPorts, Kind::kEndGroup, Kind::kEndGroup,
                                         Kind::kRemoveTree, Kind::kRemoveTree}));
  facts.runs = true;  // whose memory has it
  for (const Judged& one : Problems(facts)) {
    EXPECT_NE(one.remedy.kind, Kind::kEndGroup);
    EXPECT_NE(one.remedy.kind, Kind::kEndMonitor);
  }
}

TEST(InventoryPlan, NothingOfImagesGoesWhileItCannotBeToldWhatAContainerUses) {
  Facts facts = Well();
  InRecords(facts, [](Records& r) { r.images[kImage].error = "a wrong checksum"; });
  const std::vector<Judged> problems = Problems(facts);
  EXPECT_EQ(problems.size(), 5u);  // record, name, two documents, a layer
  for (const Judged& one : problems) {
    EXPECT_EQ(one.remedy.kind, Kind::kNone);
    EXPECT_NE(one.item.refused.find("container main of pod default/web"), std::string::npos);
  }
}

TEST(InventoryPlan, AnotherNodesThingsAreItsOwn) {
  Facts facts = Well();
  facts.other_nodes = facts.other_nodes_in_network = true;
  facts.things.groups.push_back({"/keelson/" + kGone, kGone, {}});
  facts.things.links.push_back({"klcccccccccccc"});
  facts.things.chains.push_back({"iptables-nft", "nat", "KEELSON-NAT-other", "other"});
  facts.things.plugin_pins["/run/netns/kl-cccc"] = true;
  EXPECT_TRUE(Problems(facts).empty());
  facts.other_nodes = facts.other_nodes_in_network = false;
  EXPECT_EQ(Problems(facts).size(), 4u);
}

}  // namespace
}  // namespace keelson::inventory
