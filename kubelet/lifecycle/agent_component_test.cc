// SPDX-License-Identifier: Apache-2.0
// Stories of pods under the whole kubelet, with the fake runtime.
#include <sys/stat.h>

#include "kubelet/lifecycle/test_node.h"

namespace keelson::lifecycle {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class AgentTest : public NodeOfATest {};

TEST_F(AgentTest, RunsAPodAndTakesItAwayAgain) {
  Want({Pod("web", OneContainer())});
  ASSERT_TRUE(Eventually([&] { return IsReady("web"); }));
  EXPECT_EQ(Phase("web"), "Running");
  EXPECT_THAT(fake_.Calls(),
              ElementsAre("RunPodSandbox web", "CreateContainer a", "StartContainer a"));
  const std::string id = fake_.ContainerId("a");
  EXPECT_EQ(Container("web", "a").At({"containerID"}).AsString(), "keelson://" + id);
  EXPECT_EQ(fake_.Config(id).log_path(), "a/0.log");
  EXPECT_THAT(Names(node_.logs), ElementsAre("shop_web_uid-web"));
  EXPECT_THAT(Names(links_), ElementsAre("web_shop_a-" + id + ".log"));
  EXPECT_THAT(Names(dir_.path() + "/kubelet/pods"), ElementsAre("uid-web"));
  EXPECT_THAT(cgroups_->PodsOnNode().value(), ElementsAre("uid-web"));
  EXPECT_THAT(os::ReadFile(dir_.path() + "/kubelet/pods/uid-web/etc-hosts").value(),
              HasSubstr(Status("web").At({"podIP"}).AsString() + "\tweb\n"));

  Want({});
  ASSERT_TRUE(Eventually([&] { return IsGone("web"); }));
  EXPECT_THAT(CallsOf("Stop"), ElementsAre("StopContainer a 30s", "StopPodSandbox web"));
  EXPECT_THAT(fake_.ListPodSandboxes().value(), IsEmpty());
  for (const std::string& directory : {node_.logs, links_, dir_.path() + "/kubelet/pods"})
    EXPECT_THAT(Names(directory), IsEmpty()) << directory;
  EXPECT_THAT(cgroups_->PodsOnNode().value(), IsEmpty());
}

TEST_F(AgentTest, PullsAnImageThatIsMissing) {
  fake_.Publish("other:1");
  Want({Pod("web", "containers: [{name: a, image: 'other:1'}]")});
  ASSERT_TRUE(Eventually([&] { return IsReady("web"); }));
  EXPECT_THAT(CallsOf("PullImage"), ElementsAre("PullImage other:1"));
  EXPECT_EQ(fake_.Config(fake_.ContainerId("a")).image().user_specified_image(), "other:1");
}

TEST_F(AgentTest, TriesAPullAgainAfterAPause) {
  Want({Pod("web", "containers: [{name: a, image: 'other:1'}]")});
  ASSERT_TRUE(Eventually([&] { return Waits("web", "a") == "ErrImagePull"; }));
  EXPECT_THAT(Container("web", "a").At({"state", "waiting", "message"}).AsString(),
              HasSubstr("no registry has it"));
  After(seconds(9), "web");
  ASSERT_TRUE(Eventually([&] { return Waits("web", "a") == "ImagePullBackOff"; }));
  EXPECT_EQ(fake_.Count("PullImage"), 1);
  fake_.Publish("other:1");
  After(seconds(1), "web");
  ASSERT_TRUE(Eventually([&] { return IsReady("web"); }));
  EXPECT_EQ(fake_.Count("PullImage"), 2);
}

TEST_F(AgentTest, RestartsWhatEndsFirstAtOnceThenAfterPauses) {
  Want({Pod("web", OneContainer())});
  ASSERT_TRUE(Eventually([&] { return IsReady("web"); }));
  fake_.Exit(fake_.ContainerId("a"), 1);
  ASSERT_TRUE(Eventually([&] { return Restarts("web", "a") == 1 && IsReady("web"); }));
  EXPECT_EQ(Container("web", "a").At({"lastState", "terminated", "exitCode"}).AsInt(), 1);
  int64_t restarts = 1;
  for (const int pause : {10, 20, 40}) {
    fake_.Exit(fake_.ContainerId("a"), 2);
    ASSERT_TRUE(Eventually([&] { return Waits("web", "a") == "CrashLoopBackOff"; }));
    EXPECT_THAT(Container("web", "a").At({"state", "waiting", "message"}).AsString(),
                HasSubstr("back-off " + std::to_string(pause) + "s"));
    After(seconds(pause - 1), "web");
    EXPECT_EQ(Restarts("web", "a"), restarts);
    After(std::chrono::milliseconds(1001), "web");
    ++restarts;
    ASSERT_TRUE(Eventually([&] { return Restarts("web", "a") == restarts && IsReady("web"); }));
  }
  EXPECT_EQ(fake_.Count("RunPodSandbox"), 1);
  // One ended container is kept, the others are removed, their logs too.
  ASSERT_TRUE(Eventually([&] { return fake_.ListContainers().value().size() == 2; }));
  ASSERT_TRUE(Eventually([&] { return Names(links_).size() == 2; }));
  EXPECT_THAT(Names(node_.logs + "/shop_web_uid-web/a"), ElementsAre("3.log", "4.log"));
}

TEST_F(AgentTest, EndsAPodThatIsNotToBeRestarted) {
  Want({Pod("job",
            OneContainer(", command: [sh, -c, 'echo done; exit 0']") + "restartPolicy: Never")});
  ASSERT_TRUE(Eventually([&] { return Phase("job") == "Succeeded"; }));
  ASSERT_TRUE(Eventually(
      [&] { return CallsOf("Stop") == std::vector<std::string>{"StopPodSandbox job"}; }));
  ASSERT_TRUE(Eventually([&] { return cgroups_->PodsOnNode().value().empty(); }));
  EXPECT_EQ(Container("job", "a").At({"state", "terminated", "reason"}).AsString(), "Completed");
  // Its log can be read until it is deleted.
  EXPECT_THAT(os::ReadFile(node_.logs + "/shop_job_uid-job/a/0.log").ValueOr(""),
              HasSubstr("done"));
  Want({});
  ASSERT_TRUE(Eventually([&] { return IsGone("job"); }));
  EXPECT_THAT(Names(node_.logs), IsEmpty());
  EXPECT_THAT(Names(links_), IsEmpty());
  EXPECT_THAT(fake_.ListContainers().value(), IsEmpty());
}

TEST_F(AgentTest, RunsInitContainersFirstAndSidecarsBeside) {
  const std::string image = kImage;
  Want({Pod("web", "initContainers:\n- {name: one, image: '" + image +
                       "', command: [sh, -c, 'exit 0']}\n- {name: side, image: '" + image +
                       "', restartPolicy: Always}\n- {name: two, image: '" + image +
                       "', command: [sh, -c, 'exit 0']}\n" + OneContainer())});
  ASSERT_TRUE(Eventually([&] { return IsReady("web"); }));
  EXPECT_THAT(CallsOf("StartContainer"), ElementsAre("StartContainer one", "StartContainer side",
                                                     "StartContainer two", "StartContainer a"));
  fake_.Exit(fake_.ContainerId("side"), 0);
  ASSERT_TRUE(Eventually([&] { return Restarts("web", "side") == 1 && IsReady("web"); }));
  Want({});
  ASSERT_TRUE(Eventually([&] { return IsGone("web"); }));
  EXPECT_THAT(CallsOf("StopContainer"),
              ElementsAre("StopContainer a 30s", "StopContainer side 30s"));
}

TEST_F(AgentTest, FailsAPodWhoseInitContainerFailsForGood) {
  Want({Pod("job", std::string("initContainers: [{name: one, image: '") + kImage +
                       "', command: [sh, -c, 'exit 3']}]\nrestartPolicy: Never\n" +
                       OneContainer())});
  ASSERT_TRUE(Eventually([&] { return Phase("job") == "Failed"; }));
  EXPECT_THAT(CallsOf("StartContainer"), ElementsAre("StartContainer one"));
}

TEST_F(AgentTest, RefusesWhatDoesNotFitBesideTheOthers) {
  Want({Pod("a", OneContainer(", resources: {requests: {cpu: 1500m}}"))});
  ASSERT_TRUE(Eventually([&] { return IsReady("a"); }));
  const size_t calls = fake_.Calls().size();
  Want({wanted_[0], Pod("b", OneContainer(", resources: {requests: {cpu: 600m}}"))});
  ASSERT_TRUE(Eventually([&] { return Phase("b") == "Failed"; }));
  EXPECT_EQ(Status("b").At({"reason"}).AsString(), "OutOfcpu");
  EXPECT_EQ(fake_.Calls().size(), calls);
  Want({});
  ASSERT_TRUE(Eventually([&] { return IsGone("a") && IsGone("b"); }));
}

TEST_F(AgentTest, EndsTheOldPodBeforeANewOneOfItsNameBegins) {
  kube::Pod first = Pod("web", OneContainer());
  Want({first});
  ASSERT_TRUE(Eventually([&] { return IsReady("web"); }));
  kube::Pod second = Pod("web", OneContainer(", env: [{name: A, value: b}]"));
  second.metadata.uid = "uid-second";
  Want({second});
  ASSERT_TRUE(Eventually([&] {
    return IsReady("web") && cgroups_->PodsOnNode().value() == std::set<std::string>{"uid-second"};
  }));
  EXPECT_THAT(fake_.Calls(),
              ElementsAre("RunPodSandbox web", "CreateContainer a", "StartContainer a",
                          "StopContainer a 30s", "StopPodSandbox web", "RemovePodSandbox web",
                          "RunPodSandbox web", "CreateContainer a", "StartContainer a"));
}

TEST_F(AgentTest, ChangesInPlaceOnlyWhatChanged) {
  fake_.AddImage("library/app:2");
  const std::string two = OneContainer() + "- {name: b, image: library/app:1}\n";
  Want({Pod("web", two)});
  ASSERT_TRUE(Eventually([&] { return IsReady("web"); }));
  const std::string a = fake_.ContainerId("a");
  Want({Pod("web", OneContainer() +
                       "- {name: b, image: library/app:2}\nvolumes: [{name: v, emptyDir: {}}]\n")});
  ASSERT_TRUE(Eventually([&] { return Restarts("web", "b") == 1 && IsReady("web"); }));
  EXPECT_EQ(fake_.Config(fake_.ContainerId("b")).image().user_specified_image(), "library/app:2");
  EXPECT_EQ(fake_.ContainerId("a"), a);
  EXPECT_FALSE(Names(dir_.path() + "/kubelet/pods/uid-web/volumes").empty());
  // A container that is left out of it ends.
  Want({Pod("web", OneContainer())});
  ASSERT_TRUE(Eventually([&] { return CallsOf("StopContainer b").size() == 2; }));
  EXPECT_EQ(fake_.ContainerId("a"), a);
}

TEST_F(AgentTest, MakesTheSandboxAnewWhenItIsLost) {
  Want({Pod("web", OneContainer())});
  ASSERT_TRUE(Eventually([&] { return IsReady("web"); }));
  const std::string ip = Status("web").At({"podIP"}).AsString();
  fake_.LoseSandbox(fake_.ListPodSandboxes().value()[0].id());
  ASSERT_TRUE(Eventually([&] { return fake_.Count("RunPodSandbox") == 2; }));
  After(seconds(10), "web");  // the containers were killed with it: that is a crash
  ASSERT_TRUE(Eventually([&] { return Restarts("web", "a") == 1 && IsReady("web"); }));
  EXPECT_NE(Status("web").At({"podIP"}).AsString(), ip);
}

TEST_F(AgentTest, SurvivesLostAnswersWithoutDoublingAnything) {
  for (const char* call : {"RunPodSandbox", "CreateContainer", "StartContainer"})
    fake_.LoseAnswer(call);
  Want({Pod("web", OneContainer())});
  ASSERT_TRUE(Eventually([&] {
    After(seconds(5), "web");
    return IsReady("web");
  }));
  EXPECT_EQ(fake_.ListPodSandboxes().value().size(), 1u);
  int running = 0;
  for (const cri::Container& container : fake_.ListContainers().value())
    running += container.state() == cri::CONTAINER_RUNNING ? 1 : 0;
  EXPECT_EQ(running, 1);
}

TEST_F(AgentTest, PausesWhenAContainerCannotBeStarted) {
  fake_.Script("a", {{.start_error = "exec: no such file"}, {}});
  Want({Pod("web", OneContainer())});
  ASSERT_TRUE(Eventually([&] { return Waits("web", "a") == "RunContainerError"; }));
  EXPECT_THAT(Container("web", "a").At({"state", "waiting", "message"}).AsString(),
              HasSubstr("no such file"));
  EXPECT_EQ(Container("web", "a").At({"lastState", "terminated", "reason"}).AsString(),
            "StartError");
  EXPECT_EQ(fake_.Count("StartContainer"), 1);
  After(seconds(10), "web");
  ASSERT_TRUE(Eventually([&] { return IsReady("web"); }));
  EXPECT_EQ(Restarts("web", "a"), 1);
}

TEST_F(AgentTest, PausesWhenTheRuntimeRefusesToStart) {
  fake_.FailNext("StartContainer", base::Unavailable("busy"), 2);
  Want({Pod("web", OneContainer())});
  ASSERT_TRUE(Eventually([&] { return Waits("web", "a") == "RunContainerError"; }));
  EXPECT_EQ(fake_.Count("StartContainer"), 1);
  After(seconds(10), "web");
  ASSERT_TRUE(Eventually([&] { return fake_.Count("StartContainer") == 2; }));
  ASSERT_TRUE(Eventually([&] {
    After(seconds(10), "web");
    return IsReady("web");
  }));
  ASSERT_TRUE(Eventually([&] { return fake_.ListContainers().value().size() == 1; }));
}

TEST_F(AgentTest, ShowsWhatAContainerLacksUntilItIsThere) {
  Want({Pod("web", OneContainer(", envFrom: [{configMapRef: {name: settings}}]"))});
  ASSERT_TRUE(Eventually([&] { return Waits("web", "a") == "CreateContainerConfigError"; }));
  EXPECT_EQ(Container("web", "a").At({"state", "waiting", "message"}).AsString(),
            "configmap \"settings\" not found");
  // The workers are idle now: nothing reads it.
  objects_.Add(false, "settings", {{"COLOUR", "red"}});
  After(seconds(10), "web");
  ASSERT_TRUE(Eventually([&] { return IsReady("web"); }));
  EXPECT_EQ(fake_.Config(fake_.ContainerId("a")).envs(0).value(), "red");
}

TEST_F(AgentTest, RestartsWhatFailsItsLivenessProbe) {
  Want({Pod("web",
            OneContainer(
                ", livenessProbe: {exec: {command: [x]}, periodSeconds: 1, failureThreshold: 2}") +
                "terminationGracePeriodSeconds: 7")});
  ASSERT_TRUE(Eventually([&] { return IsReady("web"); }));
  prober_.SetFailing(fake_.ContainerId("a"), true);
  ASSERT_TRUE(Eventually([&] {
    After(seconds(1), "web");
    return Restarts("web", "a") == 1 && IsReady("web");
  }));
  EXPECT_THAT(CallsOf("StopContainer"), ElementsAre("StopContainer a 7s"));
  EXPECT_THAT(life_->view.Explain("shop", "web").value(), HasSubstr("Liveness probe failed"));
}

TEST_F(AgentTest, IsReadyWhenTheProbeSaysSo) {
  prober_.SetFailing("a", true);
  Want({Pod("web", OneContainer(", readinessProbe: {exec: {command: [x]}, periodSeconds: 1}"))});
  ASSERT_TRUE(Eventually([&] { return Phase("web") == "Running"; }));
  EXPECT_FALSE(IsReady("web"));
  prober_.SetFailing("a", false);
  ASSERT_TRUE(Eventually([&] {
    After(seconds(1), "web");
    return IsReady("web");
  }));
  EXPECT_EQ(Restarts("web", "a"), 0);
}

TEST_F(AgentTest, RunsHooksAroundAContainersLife) {
  Want({Pod(
      "web",
      OneContainer(
          ", lifecycle: {postStart: {exec: {command: [x]}}, preStop: {exec: {command: [x]}}}") +
          "terminationGracePeriodSeconds: 9")});
  ASSERT_TRUE(Eventually([&] { return IsReady("web"); }));
  const std::string ip = Status("web").At({"podIP"}).AsString();
  EXPECT_THAT(prober_.Hooks(), ElementsAre("a " + ip + " 600s"));
  Want({});
  ASSERT_TRUE(Eventually([&] { return IsGone("web"); }));
  EXPECT_THAT(prober_.Hooks(), ElementsAre("a " + ip + " 600s", "a " + ip + " 9s"));
  EXPECT_THAT(CallsOf("StopContainer"), ElementsAre("StopContainer a 9s"));
}

TEST_F(AgentTest, HooksThatFoundNoRuntimeAreTriedAgain) {
  const std::string hooks =
      ", lifecycle: {postStart: {exec: {command: [x]}}, preStop: {exec: {command: [z]}}}";
  prober_.SetAway(2);
  Want({Pod("web", OneContainer(hooks))});
  ASSERT_TRUE(Eventually([&] { return IsReady("web"); }));
  EXPECT_EQ(prober_.Hooks().size(), 3u);
  EXPECT_THAT(CallsOf("StopContainer"), IsEmpty());
  prober_.SetAway(2);
  Want({});
  ASSERT_TRUE(Eventually([&] { return IsGone("web"); }));
  EXPECT_EQ(prober_.Hooks().size(), 6u);
  // Not for ever: postStart, then preStop of the container that is ended for it.
  prober_.SetAway(1000);
  Want({Pod("never", OneContainer(hooks) + "restartPolicy: Never\n")});
  ASSERT_TRUE(
      Eventually([&] { return !fake_.ContainerId("a").empty() && Phase("never") == "Failed"; }));
  EXPECT_EQ(prober_.Hooks().size(), 12u);
  // And not where the runtime has nothing to do with it.
  prober_.SetAway(1);
  Want({Pod("other", OneContainer(", lifecycle: {postStart: {httpGet: {port: 80}}}"))});
  ASSERT_TRUE(Eventually([&] {
    return life_->view.Explain("shop", "other").ValueOr("").find("FailedPostStartHook") !=
           std::string::npos;
  }));
}

TEST_F(AgentTest, RestartsWhatFailsItsPostStartHook) {
  prober_.SetFailing("a", true);
  Want({Pod("web", OneContainer(", lifecycle: {postStart: {exec: {command: [x]}}}"))});
  ASSERT_TRUE(Eventually([&] { return !CallsOf("StopContainer").empty(); }));
  EXPECT_FALSE(IsReady("web"));
  // The first one runs again at once, the second one backs off.
  ASSERT_TRUE(Eventually([&] { return Waits("web", "a") == "CrashLoopBackOff"; }));
  EXPECT_THAT(life_->view.Explain("shop", "web").ValueOr(""),
              testing::HasSubstr("Warning FailedPostStartHook: "));
  prober_.SetFailing("a", false);
  ASSERT_TRUE(Eventually([&] {
    After(seconds(10), "web");
    return IsReady("web");
  }));
}

TEST_F(AgentTest, EndsAPodThatIsActiveForTooLong) {
  Want({Pod("web", OneContainer() + "activeDeadlineSeconds: 60")});
  ASSERT_TRUE(Eventually([&] { return IsReady("web"); }));
  After(seconds(59), "web");
  EXPECT_EQ(Phase("web"), "Running");
  After(seconds(1), "web");
  ASSERT_TRUE(Eventually([&] { return Phase("web") == "Failed"; }));
  EXPECT_EQ(Status("web").At({"reason"}).AsString(), "DeadlineExceeded");
  ASSERT_TRUE(Eventually([&] { return CallsOf("StopPodSandbox").size() == 1; }));
}

TEST_F(AgentTest, LeavesRunningPodsAloneWhenItComesBack) {
  const kube::Pod web = Pod("web", OneContainer());
  Want({web});
  ASSERT_TRUE(Eventually([&] { return IsReady("web"); }));
  const std::vector<std::string> calls = fake_.Calls();
  const std::string started = Status("web").At({"startTime"}).AsString();
  clock_.Advance(seconds(100));
  Restart();
  Want({web});
  ASSERT_TRUE(Eventually([&] { return IsReady("web"); }));
  EXPECT_EQ(fake_.Calls(), calls);
  EXPECT_EQ(Status("web").At({"startTime"}).AsString(), started);
  Want({});
  ASSERT_TRUE(Eventually([&] { return IsGone("web"); }));
  EXPECT_THAT(cgroups_->PodsOnNode().value(), IsEmpty());
}

TEST_F(AgentTest, EndsWhatNobodyAsksForWhenItComesBack) {
  Want({Pod("web", OneContainer()), Pod("old", OneContainer())});
  ASSERT_TRUE(Eventually([&] { return IsReady("web") && IsReady("old"); }));
  Restart();
  Want({Pod("web", OneContainer())});
  ASSERT_TRUE(
      Eventually([&] { return IsReady("web") && fake_.ListPodSandboxes().value().size() == 1; }));
  ASSERT_TRUE(Eventually(
      [&] { return cgroups_->PodsOnNode().value() == std::set<std::string>{"uid-web"}; }));
  EXPECT_THAT(CallsOf("StopContainer"),
              ElementsAre("StopContainer a 30s"));  // the pod's own time, from its annotation
  ASSERT_TRUE(Eventually(
      [&] { return Names(dir_.path() + "/kubelet/pods") == std::vector<std::string>{"uid-web"}; }));
}

TEST_F(AgentTest, DoesNothingBeforeItsSourcesHaveSpoken) {
  Want({Pod("web", OneContainer())});
  ASSERT_TRUE(Eventually([&] { return IsReady("web"); }));
  const std::vector<std::string> calls = fake_.Calls();
  Restart();
  const int lists = fake_.Count("ListContainers");
  ASSERT_TRUE(Eventually([&] { return fake_.Count("ListContainers") >= lists + 2; }));
  EXPECT_EQ(fake_.Calls(), calls);
}

TEST_F(AgentTest, EndsAPullThatIsUnderWayWhenThePodGoes) {
  fake_.Publish("other:1");
  fake_.Hold("PullImage");
  Want({Pod("web", "containers: [{name: a, image: 'other:1'}]")});
  ASSERT_TRUE(Eventually([&] { return fake_.Count("PullImage") == 1; }));
  Want({});
  ASSERT_TRUE(Eventually([&] { return IsGone("web"); }));
}

TEST_F(AgentTest, EndsAPullThatIsUnderWayWhenItEndsItself) {
  fake_.Publish("other:1");
  fake_.Hold("PullImage");
  Want({Pod("web", "containers: [{name: a, image: 'other:1'}]")});
  ASSERT_TRUE(Eventually([&] { return fake_.Count("PullImage") == 1; }));
  Restart();  // would wait for ever
  fake_.Release("PullImage");
  Want(wanted_);
  ASSERT_TRUE(Eventually([&] { return IsReady("web"); }));
}

}  // namespace
}  // namespace keelson::lifecycle
