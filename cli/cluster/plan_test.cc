// SPDX-License-Identifier: Apache-2.0
#include "cli/cluster/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/cluster/drain.h"
#include "cli/cluster/identity.h"
#include "cli/cluster/objects.h"
#include "lib/base/strings.h"
#include "lib/certificate/signing_request.h"
#include "lib/json/value.h"

namespace keelson::cluster {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

NodeOptions Node() {
  NodeOptions options;
  options.name = "one";
  options.address = "192.0.2.7";
  options.programs = "/opt/keelson";
  return options;
}

std::vector<std::string> Names(const supervise::Layout& layout) {
  std::vector<std::string> names;
  for (const supervise::Process& process : layout.processes) names.push_back(process.name);
  return names;
}

std::string Words(const supervise::Layout& layout, const std::string& name) {
  for (const supervise::Process& process : layout.processes)
    if (process.name == name) return base::Join(process.argv, " ");
  return "";
}

TEST(ClusterPlan, TheFirstNodeHasAControlPlaneAndItsOwnProcesses) {
  const Plan plan = MakePlan(Node(), {});
  EXPECT_THAT(plan.refusals, IsEmpty());
  EXPECT_THAT(Names(plan.first), ElementsAre("master", "runtime", "dns"));
  EXPECT_THAT(Names(plan.whole), ElementsAre("master", "runtime", "dns", "kubelet", "proxy"));
  EXPECT_EQ(Words(plan.whole, "master"),
            "/opt/keelson/keelson-master --state-dir /var/lib/keelson/master --kubeconfig "
            "/etc/keelson/admin.kubeconfig --address 192.0.2.7 --port 6443 --service-cidr "
            "10.43.0.0/16 --cluster-cidr 10.42.0.0/16 --node-monitor-grace-period 50 "
            "--cluster-signing-duration 31536000 --page-address 127.0.0.1:6480");
  EXPECT_THAT(Words(plan.whole, "dns"), HasSubstr("--clients private,10.42.0.0/16,10.43.0.0/16"));
  EXPECT_THAT(Words(plan.whole, "runtime"), HasSubstr("--pod-subnet  --pod-network=10.42.0.0/16"));
  EXPECT_THAT(Words(plan.whole, "kubelet"), HasSubstr("--hostname-override one"));
  EXPECT_THAT(Words(plan.whole, "proxy"), HasSubstr("--routes auto"));
}

TEST(ClusterPlan, AJoiningNodeHasNoControlPlane) {
  NodeOptions options = Node();
  options.server = "192.0.2.1:6443";
  EXPECT_THAT(Names(MakePlan(options, {}).whole),
              ElementsAre("runtime", "dns", "kubelet", "proxy"));
}

TEST(ClusterPlan, UnderSystemdTheRuntimeAsksItForGroupsAndNothingOfOurSupervisorIsNeeded) {
  NodeOptions options = Node();
  options.log_links = "";
  EXPECT_THAT(ProgramsOf(options), Contains("/opt/keelson/keelson-supervise"));
  EXPECT_EQ(Words(MakePlan(options, {}).whole, "runtime").find("--cgroup-driver"),
            std::string::npos);
  options.supervisor = options.cgroup_driver = "systemd";
  const Plan plan = MakePlan(options, {});
  EXPECT_THAT(Words(plan.whole, "runtime"), HasSubstr("--cgroup-driver=systemd"));
  EXPECT_THAT(ProgramsOf(options), Not(Contains("/opt/keelson/keelson-supervise")));
  for (const Folder& folder : plan.folders) EXPECT_NE(folder.path, options.supervisor_dir());
  // An empty word stays one: "--log-links-dir=" would take the next.
  EXPECT_THAT(Words(plan.whole, "kubelet"), HasSubstr("--log-links-dir  --node-labels"));
}

TEST(ClusterPlan, WhatIsOfOneNodeIsNotOfAnother) {
  NodeOptions a = Node(), b = Node();
  b.name = "two";
  b.state_dir = "/s/two";
  b.run_dir = "/r/two";
  b.config_dir = "/e/two";
  b.kubelet_root = "/s/two/kubelet";
  const Plan one = MakePlan(a, {}), two = MakePlan(b, {});
  for (const char* place : {"/var/lib/keelson", "/run/keelson", "/etc/keelson", "/var/lib/kubelet"})
    for (const supervise::Process& process : two.whole.processes)
      EXPECT_EQ(base::Join(process.argv, " ").find(place), std::string::npos) << process.name;
  for (size_t i = 0; i < one.folders.size(); ++i)
    EXPECT_NE(one.folders[i].path, two.folders[i].path);
}

TEST(ClusterPlan, WhatCannotBeIsRefusedInASentenceAndNothingIsPlanned) {
  struct Case {
    const char* name;
    std::function<void(NodeOptions&, Facts&)> change;
    const char* sentence;
  };
  const Case cases[] = {
      {"a port", [](NodeOptions& o, Facts& f) { f.taken = {PortsOf(o)[0]}; },
       "port 6443 of the API server (--api-port) is taken by another program"},
      {"both blocks", [](NodeOptions& o, Facts&) { o.service_cidr = "10.42.128.0/17"; },
       "--cluster-cidr 10.42.0.0/16 and --service-cidr 10.42.128.0/17 overlap"},
      {"the machine's network",
       [](NodeOptions&, Facts& f) { f.routes = {{"10.42.0.0/24", "eth0"}}; },
       "--cluster-cidr 10.42.0.0/16 overlaps 10.42.0.0/24, which this machine reaches by eth0: "
       "choose another block"},
      {"its own address", [](NodeOptions& o, Facts&) { o.address = "10.43.7.7"; },
       "--service-cidr 10.43.0.0/16 holds the node's own address 10.43.7.7"},
      {"no block", [](NodeOptions& o, Facts&) { o.cluster_cidr = "10.42.0.0"; },
       "--cluster-cidr: '10.42.0.0' is no block of IPv4 addresses, as 10.42.0.0/16"},
      {"names elsewhere", [](NodeOptions& o, Facts&) { o.dns_address = "10.96.0.10"; },
       "--cluster-dns 10.96.0.10 is not in --service-cidr 10.43.0.0/16"},
      {"a name", [](NodeOptions& o, Facts&) { o.name = "One_"; },
       "--name: 'One_' is no name of a node: lower-case letters, digits, '-' and '.'"},
      {"an impatient control plane", [](NodeOptions& o, Facts&) { o.node_grace_seconds = 10; },
       "--node-grace 10: kubelets are heard of each 10 seconds, so nodes that live would be given "
       "up: more than that"},
      {"a program",
       [](NodeOptions&, Facts& f) { f.missing_programs = {"/opt/keelson/keelson-dns"}; },
       "/opt/keelson/keelson-dns is not there: build it, or give --programs"},
      {"another node", [](NodeOptions&, Facts& f) { f.other_node = "zero"; },
       "/var/lib/keelson belongs to the node 'zero': a second node on this machine needs its own "
       "--state-dir and --run-dir, ports and --bridge"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    NodeOptions options = Node();
    Facts facts;
    c.change(options, facts);
    const Plan plan = MakePlan(options, facts);
    EXPECT_THAT(plan.refusals, ::testing::Contains(c.sentence));
    EXPECT_THAT(plan.folders, IsEmpty());
    EXPECT_THAT(plan.whole.processes, IsEmpty());
  }
}

TEST(ClusterPlan, WhoJoinsHasNoPatienceOfItsOwn) {
  NodeOptions options = Node();
  options.server = "192.0.2.1:6443";
  options.node_grace_seconds = 0;
  EXPECT_THAT(MakePlan(options, {}).refusals, IsEmpty());
}

TEST(ClusterPlan, OurOwnBridgeIsNoStranger) {
  Facts facts;
  facts.routes = {{"10.42.0.0/24", "keelson0"}, {"192.0.2.0/24", "eth0"}};
  EXPECT_THAT(MakePlan(Node(), facts).refusals, IsEmpty());
}

TEST(ClusterPlan, BlocksOverlap) {
  EXPECT_TRUE(Overlap("10.42.0.0/16", "10.42.7.0/24"));
  EXPECT_TRUE(Overlap("10.42.7.0/24", "10.42.0.0/16"));
  EXPECT_TRUE(Overlap("0.0.0.0/0", "255.255.255.255/32"));
  EXPECT_FALSE(Overlap("10.42.0.0/24", "10.42.1.0/24"));
  EXPECT_FALSE(Overlap("10.42.0.0/33", "10.42.0.0/16"));
  EXPECT_FALSE(Overlap("fd00::/8", "10.42.0.0/16"));
}

TEST(ClusterOptions, ComeBackAsTheyWere) {
  NodeOptions options = Node();
  options.server = "192.0.2.1:6443";
  options.kubelet_port = 20250;
  options.network = "/run/netns/x";
  EXPECT_EQ(Decode(Encode(options)).value(), options);
}

TEST(ClusterIdentity, TokensAreSixAndSixteen) {
  const std::string token = MakeToken().value();
  EXPECT_TRUE(IsToken(token)) << token;
  EXPECT_NE(token, MakeToken().value());
  for (const char* bad : {"", "abcdef", "abcdef.0123456789abcde", "Abcdef.0123456789abcdef",
                          "abcdef-0123456789abcdef", "abcdef.0123456789abcdefg"})
    EXPECT_FALSE(IsToken(bad)) << bad;
}

TEST(ClusterIdentity, ARequestIsForTheNodeAlone) {
  const auto made = certificate::RequestAsNode("one");
  ASSERT_TRUE(made.ok());
  EXPECT_THAT(made->key, HasSubstr("BEGIN PRIVATE KEY"));
  EXPECT_THAT(made->request, HasSubstr("BEGIN CERTIFICATE REQUEST"));
  EXPECT_FALSE(HashOfAuthority("nothing").ok());
}

TEST(ClusterDrain, WhatEndedOrBelongsToTheNodeStays) {
  const auto pod = [](const char* text) { return IsToBeEvicted(json::ParseJson(text).value()); };
  EXPECT_TRUE(pod(R"({"metadata":{"name":"a"},"status":{"phase":"Running"}})"));
  EXPECT_FALSE(pod(R"({"metadata":{"name":"a"},"status":{"phase":"Succeeded"}})"));
  EXPECT_FALSE(pod(R"({"metadata":{"ownerReferences":[{"kind":"DaemonSet"}]}})"));
  EXPECT_FALSE(pod(R"({"metadata":{"annotations":{"kubernetes.io/config.mirror":"x"}}})"));
}

TEST(ClusterDrain, APodsOwnTimeToEndIsOnlyCutShort) {
  const auto pod = [](const char* spec) { return json::ParseJson(spec).value(); };
  const json::Value quick = pod(R"({"spec":{"terminationGracePeriodSeconds":1}})");
  const json::Value slow = pod(R"({"spec":{"terminationGracePeriodSeconds":600}})");
  EXPECT_EQ(GraceOf(quick, 30), std::nullopt);
  EXPECT_EQ(GraceOf(slow, 30), 30);
  EXPECT_EQ(GraceOf(slow, -1), std::nullopt);
  EXPECT_EQ(GraceOf(quick, 0), 0);
  EXPECT_EQ(GraceOf(pod("{}"), 30), 30);
}

}  // namespace
}  // namespace keelson::cluster
