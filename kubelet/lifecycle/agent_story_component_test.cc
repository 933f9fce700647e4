// SPDX-License-Identifier: Apache-2.0
// More stories of pods under the whole kubelet: what is remembered, what is told, what is tidied
// up.
#include "kubelet/lifecycle/test_node.h"

namespace keelson::lifecycle {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

class AgentStoryTest : public NodeOfATest {
 protected:
  std::string Story(const std::string& pod) { return life_->view.Explain("shop", pod).ValueOr(""); }
};

TEST_F(AgentStoryTest, AContainerThatVanishedHasEndedAndIsRunAgain) {
  Want({Pod("web", OneContainer())});
  ASSERT_TRUE(Eventually([&] { return IsReady("web"); }));
  const std::string id = fake_.ContainerId("a");
  ASSERT_TRUE(fake_.RemoveContainer(id).ok());
  ASSERT_TRUE(Eventually([&] { return IsReady("web") && Restarts("web", "a") == 1; }))
      << Story("web");
  const json::Value last = Container("web", "a").At({"lastState", "terminated"});
  EXPECT_EQ(last.At({"reason"}).AsString(), "ContainerStatusUnknown");
  EXPECT_EQ(last.At({"exitCode"}).AsInt(), 137);
  EXPECT_EQ(last.At({"containerID"}).AsString(), "keelson://" + id);
  Want({});
  ASSERT_TRUE(Eventually([&] { return IsGone("web"); })) << Story("web");
}

TEST_F(AgentStoryTest, WhatWasReadyStaysSoWhenTheKubeletComesBack) {
  const kube::Pod web = Pod("web",
                            "containers:\n- {name: a, image: library/app:1, readinessProbe: {exec: "
                            "{command: [x]}}, startupProbe: {exec: {command: [x]}}}\n");
  Want({web});
  ASSERT_TRUE(Eventually([&] { return IsReady("web"); }));
  const std::string file = dir_.path() + "/kubelet/pods/uid-web/health.json";
  ASSERT_TRUE(Eventually(
      [&] { return os::ReadFile(file).ValueOr("").find("\"ready\":true") != std::string::npos; }));
  // The clock stands still: no probe is made in the new life, it is what the old one knew.
  prober_.SetFailing("a", true);
  Restart();
  Want({web});
  ASSERT_TRUE(Eventually([&] { return IsReady("web"); })) << Story("web");
  EXPECT_TRUE(Container("web", "a").At({"started"}).AsBool());
}

TEST_F(AgentStoryTest, EachPodIsLookedAtAgainFromTimeToTime) {
  sync_frequency_ = std::chrono::milliseconds(20);
  Restart();
  Want({Pod("web", OneContainer() + "activeDeadlineSeconds: 100\n")});
  ASSERT_TRUE(Eventually([&] { return IsReady("web"); }));
  clock_.Advance(std::chrono::seconds(101));  // and nothing says so
  EXPECT_TRUE(
      Eventually([&] { return Status("web").At({"reason"}).AsString() == "DeadlineExceeded"; }));
}

TEST_F(AgentStoryTest, WhatAPodWaitsForIsTold) {
  life_.reset();
  fake_.SetNetworkReady(false);
  life_.emplace(*this);
  Want({Pod("web", OneContainer() + "dnsPolicy: ClusterFirst\n"), Pod("other", OneContainer())});
  ASSERT_TRUE(Eventually([&] {
    return Story("web").find("Warning NetworkNotReady: network is not ready: ") !=
           std::string::npos;
  })) << Story("web");
  EXPECT_THAT(fake_.ListPodSandboxes().value(), IsEmpty());
  fake_.SetNetworkReady(true);
  ASSERT_TRUE(Eventually([&] {
    clock_.Advance(std::chrono::seconds(1));
    life_->agent.OnHealth("uid-web");
    return IsReady("web");
  })) << Story("web");
  EXPECT_THAT(Story("web"),
              AllOf(HasSubstr("Warning MissingClusterDNS: pod: \"web_shop(uid-web)\". kubelet does "
                              "not have ClusterDNS IP"),
                    testing::Not(HasSubstr("(2 times"))));
  life_->agent.OnHealth("uid-other");
  ASSERT_TRUE(Eventually([&] { return IsReady("other"); })) << Story("other");
  EXPECT_THAT(Story("other"), testing::Not(HasSubstr("MissingClusterDNS")));
}

TEST_F(AgentStoryTest, LogsOfAPodThatIsGoneEvenFromTheRuntimeGoToo) {
  Want({Pod("web", OneContainer()), Pod("old", OneContainer())});
  ASSERT_TRUE(Eventually([&] { return IsReady("web") && IsReady("old"); }));
  life_.reset();
  for (const cri::PodSandbox& sandbox : fake_.ListPodSandboxes().value()) {
    if (sandbox.metadata().name() == "old") {
      ASSERT_TRUE(fake_.RemovePodSandbox(sandbox.id()).ok());
    }
  }
  ASSERT_EQ(Names(node_.logs).size(), 2u);
  life_.emplace(*this);
  Want({Pod("web", OneContainer())});
  EXPECT_TRUE(Eventually(
      [&] { return Names(node_.logs) == std::vector<std::string>{"shop_web_uid-web"}; }));
  EXPECT_TRUE(Eventually([&] { return Names(links_).size() == 1; }));
  EXPECT_TRUE(IsReady("web"));
}

TEST_F(AgentStoryTest, ImagesAreLookedAtFromTheBeginning) {
  std::atomic<int> looks = 0, collections = 0;
  Agent agent({*life_->loop,
               life_->workers,
               clock_,
               fake_,
               life_->applier,
               life_->volumes,
               *cgroups_,
               node_,
               {node_.allocatable, {}},
               {{"192.0.2.7"}, "keelson"},
               {},
               [] {},
               life_->view,
               std::chrono::minutes(1),
               pod::kBackoffCap,
               std::chrono::seconds(10),
               [&](bool remove) -> base::Status {
                 ++(remove ? collections : looks);
                 return {};
               }});
  agent.Connect(*life_->pleg, *life_->probes);
  life_->loop->Post([&] { agent.Begin(); });
  EXPECT_TRUE(Eventually([&] { return looks == 1; }));
  EXPECT_EQ(collections, 0);
  life_.reset();  // before the agent
}

}  // namespace
}  // namespace keelson::lifecycle
