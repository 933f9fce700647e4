// SPDX-License-Identifier: Apache-2.0
// What a cluster of three nodes does for its pods, what becomes of them when one of the nodes dies,
// and how nodes come and go. All programs are the real ones, the questions are kubectl's. The
// cluster is the suite's; each test makes what it needs of it.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>

#include <cstring>
#include <map>
#include <sstream>

#include "cli/cluster/node_life.h"
#include "lib/base/strings.h"
#include "lib/base/testing/places.h"
#include "lib/os/files.h"
#include "tests/cluster/kubectl_program.h"
#include "tests/cluster/three_nodes_fixture.h"

namespace keelson::cluster_test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr int kReplicas = 6;
constexpr char kWorld[] = "198.51.100.7";  // what a name outside has for an address

class FastClock final : public base::Clock {
 public:
  int64_t WallNanos() const override { return real_.WallNanos() + 600'000'000'000; }
  base::SteadyTime Steady() const override { return real_.Steady(); }

 private:
  const base::SystemClock real_;
};

class ThreeNodesTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (geteuid() != 0) return;
    const std::string kubectl = KubectlProgram().ValueOr("");
    ASSERT_FALSE(kubectl.empty()) << "kubectl is built from Go modules: is go installed?";
    const Said images = Execute(
        {base::SourceDir() + "/scripts/demo-images.sh", base::SourceDir() + "/build/demo-images"});
    ASSERT_EQ(images.code, 0) << images.text;
    nodes_ = new Nodes(kubectl);
    for (const int node : {1, 2, 3}) nodes_->MakeMachine(node);
    const Said up = nodes_->Up({"--node-grace", "20"});
    ASSERT_EQ(up.code, 0) << up.text << nodes_->Logs();
    for (const int node : {2, 3}) Join(node);
  }
  static void TearDownTestSuite() {
    delete nodes_;
    nodes_ = nullptr;
  }
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    ASSERT_NE(nodes_, nullptr);
  }
  void TearDown() override {
    if (!HasFailure() || nodes_ == nullptr) return;
    std::fprintf(stderr, "--- the cluster\n%s--- logs\n%s",
                 Kubectl({"get", "nodes,pods,services,endpointslices", "-o", "wide"}).c_str(),
                 nodes_->Logs().c_str());
  }

  static void Join(int node) {
    // With an administrator's access it can be taken out altogether.
    const Said said = nodes_->Join(node, {"--kubeconfig", nodes_->Administrator()});
    ASSERT_EQ(said.code, 0) << said.text << nodes_->Logs();
    EXPECT_THAT(said.text, HasSubstr("node " + Nodes::Name(node) + " is Ready"));
  }
  static std::string Kubectl(std::vector<std::string> words, const std::string& input = "") {
    return nodes_->Kubectl(std::move(words), input).text;
  }
  static std::vector<std::string> Words(const std::string& text) {
    std::vector<std::string> out;
    for (const std::string_view word : base::Split(std::string_view(text), ' '))
      if (!word.empty()) out.emplace_back(word);
    return out;
  }
  static std::string Condition(const json::Value& object, const std::string& type,
                               const char* field = "status") {
    for (const json::Value& one : object.At({"status", "conditions"}).items())
      if (one.At({"type"}).AsString() == type) return one.At({field}).AsString();
    return "";
  }
  static bool IsReady(int node) {
    return Condition(nodes_->Object({"node", Nodes::Name(node)}), "Ready") == "True";
  }
  // testdata/three_nodes.yaml, all of it ready, on every node that is.
  void RunWeb() {
    const Said applied = nodes_->Kubectl(
        {"apply", "-f", base::SourceDir() + "/tests/cluster/testdata/three_nodes.yaml"});
    ASSERT_EQ(applied.code, 0) << applied.text;
    for (const char* what : {"deployment/web", "daemonset/client"}) {
      const Said ready = nodes_->Kubectl({"rollout", "status", what, "--timeout=300s"});
      ASSERT_EQ(ready.code, 0) << ready.text;
    }
  }
  struct Pod {
    std::string name, uid, address, container;
    int restarts = 0;
  };
  // Those that are ready and stay, of the label app=`app`, by node.
  static std::map<std::string, std::vector<Pod>> Pods(const std::string& app) {
    std::map<std::string, std::vector<Pod>> out;
    const json::Value pods = nodes_->Object({"pods", "-l", "app=" + app});
    for (const json::Value& pod : pods.At({"items"}).items()) {
      if (Condition(pod, "Ready") != "True" ||
          pod.At({"metadata"}).Find("deletionTimestamp") != nullptr)
        continue;
      const json::Value& container = pod.At({"status", "containerStatuses"}).items()[0];
      const std::string& id = container.At({"containerID"}).AsString();
      out[pod.At({"spec", "nodeName"}).AsString()].push_back(
          {pod.At({"metadata", "name"}).AsString(), pod.At({"metadata", "uid"}).AsString(),
           pod.At({"status", "podIP"}).AsString(), id.substr(id.find("//") + 2),
           static_cast<int>(container.At({"restartCount"}).AsInt())});
    }
    return out;
  }
  static int Count(const std::map<std::string, std::vector<Pod>>& pods) {
    size_t count = 0;
    for (const auto& [node, some] : pods) count += some.size();
    return static_cast<int>(count);
  }
  static bool AllAreThere() { return Count(Pods("web")) == kReplicas; }
  // In the client's pod of that node.
  static std::string FromPod(int node, const std::vector<std::string>& command) {
    for (const bool known : {true, false}) {
      if (!known) clients_ = Pods("client");
      const auto here = clients_.find(Nodes::Name(node));
      if (here == clients_.end()) continue;
      std::vector<std::string> words = {"exec", here->second[0].name, "--"};
      words.insert(words.end(), command.begin(), command.end());
      const Said said = nodes_->Kubectl(std::move(words));
      if (said.code == 0 || !known) return said.text;
    }
    return "no client on " + Nodes::Name(node);
  }
  static std::string Page(int node, const std::string& place) {
    return FromPod(node, {"wget", "-q", "-O", "-", "http://" + place + "/"});
  }
  static bool Asks(int node, const std::string& place) {
    return Eventually([&] { return Page(node, place).starts_with("served by web-"); });
  }
  static std::string ClusterIp(const std::string& service) {
    return nodes_->Object({"service", service}).At({"spec", "clusterIP"}).AsString();
  }
  static std::string NodePort(int node) {
    const json::Value service = nodes_->Object({"service", "web"});
    return Nodes::Address(node) + ":" +
           std::to_string(service.At({"spec", "ports"}).items()[0].At({"nodePort"}).AsInt());
  }
  // From the machine that is no node.
  static std::string Outside(const std::string& place) {
    return Execute({"curl", "-fsS", "-m", "10", "http://" + place + "/"}).text;
  }

  static Nodes* nodes_;
  static std::map<std::string, std::vector<Pod>> clients_;  // as they were last looked up
};

Nodes* ThreeNodesTest::nodes_ = nullptr;
std::map<std::string, std::vector<ThreeNodesTest::Pod>> ThreeNodesTest::clients_;

TEST_F(ThreeNodesTest, EveryNodeReachesServicesNamesAndTheWorldOutside) {
  for (const int node : {1, 2, 3}) EXPECT_TRUE(IsReady(node)) << node;
  ASSERT_NO_FATAL_FAILURE(RunWeb());
  const auto web = Pods("web");
  EXPECT_EQ(Count(web), kReplicas);
  EXPECT_EQ(web.size(), 3u) << "not on every node: " << Kubectl({"get", "pods", "-o", "wide"});
  std::vector<std::string> addresses;
  for (const auto& [node, some] : web)
    for (const Pod& pod : some) addresses.push_back(pod.address);
  const std::string ip = ClusterIp("web");
  for (const int node : {1, 2, 3}) {
    SCOPED_TRACE(Nodes::Name(node));
    for (const std::string& place :
         {ip, std::string("web"), std::string("web.default.svc.cluster.local")})
      EXPECT_TRUE(Asks(node, place)) << Page(node, place);
    // Not only whom the rules choose: one on every node.
    for (const auto& [where, some] : web)
      EXPECT_TRUE(Asks(node, some[0].address + ":8080")) << Page(node, some[0].address + ":8080");
    const std::string headless =
        FromPod(node, {"nslookup", "-type=a", "each.default.svc.cluster.local"});
    for (const std::string& address : addresses) EXPECT_THAT(headless, HasSubstr(address));
    const std::string services =
        FromPod(node, {"nslookup", "-type=srv", "_http._tcp.each.default.svc.cluster.local"});
    EXPECT_THAT(services, HasSubstr(" 8080 "));
    EXPECT_THAT(services, HasSubstr(".each.default.svc.cluster.local"));
    EXPECT_THAT(FromPod(node, {"nslookup", "-type=a", "www.example.org"}), HasSubstr(kWorld));
    EXPECT_TRUE(Eventually([&] { return Outside(NodePort(node)).starts_with("served by web-"); }))
        << Outside(NodePort(node));
  }
  // Whom nobody serves: told so, instead of waiting until the time is over.
  const std::string nobody = ClusterIp("nobody");
  for (const int node : {1, 2, 3}) {
    SCOPED_TRACE(Nodes::Name(node));
    EXPECT_TRUE(Eventually([&] {
      return Page(node, nobody).find("Connection refused") != std::string::npos;
    })) << Page(node, nobody);
    EXPECT_THAT(nodes_->OnMachine(node, {"curl", "-sS", "-m", "60", "http://" + nobody + "/"}).code,
                7);
  }
}

TEST_F(ThreeNodesTest, APodThatNoNodeCanTakeWaitsAndSaysWhy) {
  const Said made = nodes_->Kubectl(
      {"apply", "-f", base::SourceDir() + "/tests/cluster/testdata/too_large.yaml"});
  ASSERT_EQ(made.code, 0) << made.text;
  EXPECT_TRUE(Eventually([&] {
    return Condition(nodes_->Object({"pod", "too-large"}), "PodScheduled", "message")
               .find("3 Insufficient cpu") != std::string::npos;
  })) << Kubectl({"describe", "pod", "too-large"});
  const json::Value pod = nodes_->Object({"pod", "too-large"});
  EXPECT_EQ(pod.At({"status", "phase"}).AsString(), "Pending");
  EXPECT_EQ(Condition(pod, "PodScheduled", "reason"), "Unschedulable");
  EXPECT_TRUE(Eventually([&] {
    return Kubectl({"describe", "pod", "too-large"}).find("FailedScheduling") != std::string::npos;
  }));
  EXPECT_EQ(nodes_->Kubectl({"delete", "pod", "too-large"}).code, 0);
}

TEST_F(ThreeNodesTest, WhatIsKilledComesBackOnOtherNodesWhereItsNodeIsDead) {
  ASSERT_NO_FATAL_FAILURE(RunWeb());
  // A container.
  const Pod victim = Pods("web").at("n3").front();
  bool killed = false;
  for (const os::DirEntry& entry : os::ListDir("/proc").ValueOr({})) {
    const auto pid = base::ParseUint64(entry.name);
    if (!pid || victim.container.empty()) continue;
    if (os::ReadFile("/proc/" + entry.name + "/cgroup", 65536).ValueOr("").find(victim.container) ==
        std::string::npos)
      continue;
    killed = kill(static_cast<pid_t>(*pid), SIGKILL) == 0 || killed;
  }
  ASSERT_TRUE(killed);
  EXPECT_TRUE(Eventually([&] {
    auto pods = Pods("web");
    for (const Pod& pod : pods["n3"])
      if (pod.uid == victim.uid && pod.restarts == 1) return true;
    return false;
  })) << Kubectl({"get", "pods", "-o", "wide"});
  // A pod.
  EXPECT_EQ(nodes_->Kubectl({"delete", "pod", victim.name}).code, 0);
  EXPECT_TRUE(Eventually(AllAreThere)) << Kubectl({"get", "pods", "-o", "wide"});

  // A node: it is missed, its pods are replaced elsewhere, and nobody is sent to them any more.
  nodes_->KillAll(2);
  EXPECT_TRUE(Eventually([&] {
    return Condition(nodes_->Object({"node", "n2"}), "Ready") == "Unknown";
  })) << Kubectl({"get", "nodes"});
  EXPECT_TRUE(Eventually([&] {
    const auto pods = Pods("web");
    return Count(pods) == kReplicas && !pods.contains("n2");
  })) << Kubectl({"get", "pods", "-o", "wide"});
  for (const int node : {1, 3}) {
    SCOPED_TRACE(Nodes::Name(node));
    EXPECT_TRUE(Eventually([&] {
      for (int i = 0; i < 10; ++i)
        if (!Outside(NodePort(node)).starts_with("served by web-")) return false;
      return true;
    }));
    EXPECT_TRUE(Asks(node, "web")) << Page(node, "web");
  }

  // It comes back, as its proxy's routes still lead to the others' pods; what was its own is
  // cleared away.
  EXPECT_THAT(nodes_->OnMachine(2, {"ip", "route", "show", "proto", "75"}).text,
              HasSubstr("via 192.0.2.1"));
  ASSERT_NO_FATAL_FAILURE(Join(2));
  EXPECT_TRUE(Eventually([&] {
    const json::Value pods = nodes_->Object({"pods"});
    for (const json::Value& pod : pods.At({"items"}).items())
      if (pod.At({"metadata"}).Find("deletionTimestamp") != nullptr) return false;
    return !pods.At({"items"}).items().empty();
  })) << Kubectl({"get", "pods", "-o", "wide"});
  EXPECT_TRUE(Eventually([&] { return Pods("client").contains("n2"); }))
      << Kubectl({"get", "pods", "-o", "wide"});
  EXPECT_TRUE(Asks(2, "web")) << Page(2, "web");
  EXPECT_TRUE(AllAreThere());
  EXPECT_TRUE(Eventually([&] {
    return nodes_->Keelson({"status", "--state-dir", nodes_->State(2)}).code == 0;
  })) << nodes_->Keelson({"status", "--state-dir", nodes_->State(2)}).text;
  const auto told = supervise::Ask({nodes_->Folder(2) + "/run/supervise"}, {});
  ASSERT_TRUE(told.ok());
  EXPECT_THAT(nodes_->Keelson({"status", "--state-dir", nodes_->State(2)}).text,
              HasSubstr("watched by keelson-supervise " + std::to_string(told->keeper) +
                        ", its twin is " + std::to_string(told->twin)));
}

TEST_F(ThreeNodesTest, WhoLeavesIsReplacedAndLeavesNothingBehind) {
  ASSERT_NO_FATAL_FAILURE(RunWeb());
  // Also where its network is named no longer, and only its processes know it.
  const std::string network = nodes_->Network(3);
  const os::UniqueFd held = os::Open(network, O_RDONLY).value();
  ASSERT_EQ(umount2(network.c_str(), MNT_DETACH), 0) << strerror(errno);
  const Said left =
      nodes_->Keelson({"leave", "--state-dir", nodes_->State(3), "--grace-period", "1"});
  const std::string from = "/proc/self/fd/" + std::to_string(held.get());
  ASSERT_EQ(mount(from.c_str(), network.c_str(), nullptr, MS_BIND, nullptr), 0) << strerror(errno);
  EXPECT_EQ(left.code, 0) << left.text << nodes_->Logs();
  EXPECT_THAT(left.text, HasSubstr("evicted default/web-"));
  EXPECT_THAT(left.text, HasSubstr("node n3 is down"));
  EXPECT_THAT(Kubectl({"get", "nodes", "-o", "name"}), Not(HasSubstr("node/n3")));
  EXPECT_TRUE(Eventually([&] {
    const auto pods = Pods("web");
    return Count(pods) == kReplicas && !pods.contains("n3");
  })) << Kubectl({"get", "pods", "-o", "wide"});
  for (const int node : {1, 2}) EXPECT_TRUE(Asks(node, "web")) << Page(node, "web");

  EXPECT_TRUE(Eventually([&] { return nodes_->Processes(3).empty(); }))
      << ::testing::PrintToString(nodes_->Processes(3));
  EXPECT_FALSE(os::Exists(nodes_->State(3)));
  EXPECT_FALSE(os::Exists(nodes_->Folder(3) + "/run"));
  EXPECT_EQ(
      Execute({"find", "/sys/fs/cgroup", "-maxdepth", "2", "-name", nodes_->Group(3).substr(1)})
          .text,
      "");
  EXPECT_EQ(nodes_->OnMachine(3, {"ip", "route"}).text,
            "default via 192.0.2.1 dev eth0 \n"
            "192.0.2.0/24 dev eth0 proto kernel scope link src 192.0.2.13 \n");
  const std::string links = nodes_->OnMachine(3, {"ip", "-o", "link"}).text;
  EXPECT_EQ(std::count(links.begin(), links.end(), '\n'), 2) << links;  // lo, eth0
  const std::string rules = nodes_->OnMachine(3, {"iptables-save"}).text;
  EXPECT_THAT(rules, Not(HasSubstr("KUBE-")));
  EXPECT_THAT(rules, Not(HasSubstr("KEELSON-")));
  // It may come again, as a new one.
  ASSERT_NO_FATAL_FAILURE(nodes_->LoadImage(3));
  ASSERT_NO_FATAL_FAILURE(Join(3));
  EXPECT_TRUE(Eventually([&] { return Pods("client").contains("n3"); }));
  EXPECT_TRUE(Asks(3, "web")) << Page(3, "web");
}

TEST_F(ThreeNodesTest, WhoCannotJoinIsToldWhyAndNothingIsChanged) {
  ASSERT_NO_FATAL_FAILURE(nodes_->MakeMachine(4));
  {
    cluster::JoinOptions options;
    options.name = Nodes::Name(4);
    options.address = Nodes::Address(4);
    options.network = nodes_->Network(4);
    options.state_dir = nodes_->State(4);
    options.run_dir = nodes_->Folder(4) + "/run";
    options.config_dir = nodes_->Folder(4) + "/etc";
    options.kubelet_root = nodes_->State(4) + "/kubelet";
    options.programs = base::BinDir();
    options.server = Nodes::Address(1) + ":6443";
    options.token = nodes_->token();
    options.ca_hash = nodes_->hash();
    std::ostringstream out, err;
    const base::Status joined = cluster::Join(options, FastClock(), {out, err});
    ASSERT_FALSE(joined.ok());
    EXPECT_THAT(joined.error().message(),
                HasSubstr("minutes ahead of the cluster's: set it first"));
    EXPECT_FALSE(os::Exists(nodes_->State(4) + "/node.json"));
  }
  // A network of somebody else's, where a route of a former proxy would be no matter.
  const Said made =
      nodes_->OnMachine(4, {"ip", "route", "add", "10.42.128.0/24", "via", "192.0.2.1"});
  ASSERT_EQ(made.code, 0) << made.text;
  const Said said = nodes_->Join(4);
  EXPECT_EQ(said.code, 1) << said.text;
  EXPECT_THAT(said.text, HasSubstr("--cluster-cidr 10.42.0.0/16 overlaps 10.42.128.0/24, which "
                                   "this machine reaches by eth0"));
  EXPECT_FALSE(os::Exists(nodes_->State(4) + "/node.json"));
  EXPECT_THAT(nodes_->Processes(4), IsEmpty());
}

}  // namespace
}  // namespace keelson::cluster_test
