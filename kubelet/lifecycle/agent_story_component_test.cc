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

kube::Pod Static(kube::Pod pod, int32_t priority) {
  pod.metadata.annotations["kubernetes.io/config.source"] = "file";
  pod.spec.priority = priority;
  return pod;
}

TEST_F(AgentStoryTest, APodOfMorePriorityPushesAnotherOneOutAndWaitsForItsEnd) {
  const std::string cpu = ", resources: {requests: {cpu: 1500m}}";
  const kube::Pod low = Static(Pod("low", OneContainer(cpu)), 1);
  const kube::Pod high = Static(Pod("high", OneContainer(cpu)), 2);
  Want({low});
  ASSERT_TRUE(Eventually([&] { return IsReady("low"); }));
  fake_.Hold("StopContainer");
  Want({low, high});
  ASSERT_TRUE(Eventually([&] { return !CallsOf("StopContainer").empty(); }));
  EXPECT_TRUE(Eventually([&] { return Phase("low") == "Failed"; }));
  EXPECT_EQ(Status("low").At({"reason"}).AsString(), "Preempting");
  EXPECT_EQ(Status("low").At({"message"}).AsString(), "Preempted in order to admit critical pod");
  const json::Value status = Status("low");
  const json::Value& condition = status.At({"conditions"}).items().back();
  EXPECT_EQ(condition.At({"type"}).AsString(), "DisruptionTarget");
  EXPECT_EQ(condition.At({"status"}).AsString(), "True");
  EXPECT_EQ(condition.At({"reason"}).AsString(), "TerminationByKubelet");
  EXPECT_THAT(Story("low"), HasSubstr("Warning Preempting: Preempted in order to admit"));
  EXPECT_TRUE(Eventually([&] {
    return Story("high").find("room that these pods give up: low") != std::string::npos;
  })) << Story("high");
  EXPECT_EQ(Phase("high"), "Pending");
  EXPECT_EQ(CallsOf("RunPodSandbox").size(), 1u);
  fake_.Release("StopContainer");
  ASSERT_TRUE(Eventually([&] { return IsReady("high"); })) << Story("high");
  // A later life of the kubelet does not bring it back over the node's size.
  ASSERT_TRUE(Eventually([&] { return CallsOf("StopPodSandbox").size() == 1; }));
  Restart();
  Want({low, high});
  ASSERT_TRUE(Eventually([&] { return IsReady("high"); })) << Story("high");
  ASSERT_TRUE(Eventually([&] { return Phase("low") == "Failed"; })) << Story("low");
  EXPECT_EQ(Status("low").At({"reason"}).AsString(), "OutOfcpu");
  EXPECT_EQ(CallsOf("RunPodSandbox").size(), 2u);
}

TEST_F(AgentStoryTest, APodThatGivesNoRoomIsNotWaitedForForEver) {
  const std::string cpu = ", resources: {requests: {cpu: 1500m}}";
  const kube::Pod low =
      Static(Pod("low", OneContainer(cpu) + "terminationGracePeriodSeconds: 20\n"), 1);
  const kube::Pod high = Static(Pod("high", OneContainer(cpu)), 2);
  Want({low});
  ASSERT_TRUE(Eventually([&] { return IsReady("low"); }));
  fake_.Hold("StopContainer");
  Want({low, high});
  ASSERT_TRUE(Eventually([&] { return !CallsOf("StopContainer").empty(); }));
  After(std::chrono::seconds(29), "high");
  EXPECT_TRUE(Eventually([&] {
    return Story("high").find("give up: low, for 1 s more") != std::string::npos;
  })) << Story("high");
  After(std::chrono::seconds(1), "high");
  ASSERT_TRUE(Eventually([&] { return IsReady("high"); })) << Story("high");
  EXPECT_TRUE(Eventually([&] {
    return Story("low").find(
               "Warning ExceededGracePeriod: Container runtime did not kill the "
               "pod within specified grace period.") != std::string::npos;
  })) << Story("low");
  fake_.Release("StopContainer");
}

TEST_F(AgentStoryTest, VolumesThatDoNotComeInTimeAreTold) {
  const std::string overdue =
      "Warning FailedMount: Unable to attach or mount volumes: unmounted volumes=[v], unattached "
      "volumes=[], failed to process volumes=[]: context deadline exceeded";
  objects_.Add(false, "here", {{"k", "v"}});
  Want({Pod("web", OneContainer() +
                       "volumes: [{name: v, configMap: {name: late}}, {name: w, configMap: {name: "
                       "here}}]\n")});
  ASSERT_TRUE(Eventually([&] {
    return Story("web").find("Warning FailedMount: MountVolume.SetUp failed for volume \"v\" : ") !=
           std::string::npos;
  })) << Story("web");
  const auto is_told = [&](const std::string& text) {
    return Eventually([&] { return Story("web").find(text) != std::string::npos; });
  };
  After(std::chrono::seconds(122), "web");
  EXPECT_TRUE(is_told(" (2 times since ")) << Story("web");  // the volume was tried again
  EXPECT_THAT(Story("web"), testing::Not(HasSubstr("Unable to attach")));
  After(std::chrono::seconds(1), "web");
  EXPECT_TRUE(is_told(overdue)) << Story("web");
  // It is waited for again, and told again after the same time.
  After(std::chrono::seconds(10 + 122), "web");
  EXPECT_THAT(Story("web"), testing::Not(HasSubstr("deadline exceeded (2 times")));
  EXPECT_EQ(Phase("web"), "Pending");
  objects_.Add(false, "late", {{"k", "v"}});
  ASSERT_TRUE(Eventually([&] {
    After(std::chrono::milliseconds(500), "web");
    return IsReady("web");
  })) << Story("web");
}

TEST_F(AgentStoryTest, RemainsOfAPodGiveItNoRightToRoom) {
  const std::string cpu = ", resources: {requests: {cpu: 1500m}}";
  const kube::Pod first = Pod("a", OneContainer(cpu)),
                  done = Pod("done", OneContainer(cpu) + "restartPolicy: Never\n");
  Want({done});
  ASSERT_TRUE(Eventually([&] { return IsReady("done"); }));
  fake_.Exit(fake_.ContainerId("a"), 0);
  ASSERT_TRUE(Eventually([&] { return Phase("done") == "Succeeded"; }));
  Want({done, first});
  ASSERT_TRUE(Eventually([&] { return IsReady("a"); }));
  ASSERT_TRUE(Eventually([&] { return CallsOf("StopPodSandbox").size() == 1; }));
  // What has come to its end stays so, whatever room there is.
  Restart();
  Want({done, first});
  ASSERT_TRUE(Eventually([&] { return IsReady("a") && Phase("done") == "Succeeded"; }));
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
