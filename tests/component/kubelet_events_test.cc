// SPDX-License-Identifier: Apache-2.0
// What a user is told about pods as time goes on: events and the words of their status.
#include <gmock/gmock.h>

#include "tests/component/node_fixture.h"

namespace keelson::node_test {
namespace {

using testing::HasSubstr;

class KubeletEventsTest : public NodeTest {
 protected:
  void Begin() {
    LoadImage("busybox");
    StartRuntime();
    StartKubelet();
  }
  std::string Story(const std::string& pod) { return Get("/explain/default/" + pod + "-node"); }
  std::string Waits(const std::string& pod) {
    return Container(pod, "main").At({"state", "waiting", "reason"}).AsString();
  }
};

TEST_F(KubeletEventsTest, AnImageThatCannotBePulledIsTriedAgainAndSaysSo) {
  Begin();
  std::string manifest = BusyboxPod("a", "sleep 1000");
  manifest.replace(manifest.find("docker.io/library/busybox:demo"), 30, "127.0.0.1:1/nothing:1");
  PutManifest("a.yaml", manifest);
  ASSERT_TRUE(Eventually([&] { return Waits("a") == "RegistryUnavailable"; })) << Get("/pods");
  ASSERT_TRUE(Eventually([&] { return Waits("a") == "ImagePullBackOff"; })) << Get("/pods");
  EXPECT_THAT(Container("a", "main").At({"state", "waiting", "message"}).AsString(),
              HasSubstr("Back-off pulling image \"127.0.0.1:1/nothing:1\": RegistryUnavailable: "));
  const std::string story = Story("a");
  for (const char* line : {"Normal  Pulling: Pulling image \"127.0.0.1:1/nothing:1\"",
                           "Warning Failed: Failed to pull image \"127.0.0.1:1/nothing:1\": ",
                           "Warning Failed: Error: RegistryUnavailable",
                           "Normal  BackOff: Back-off pulling image \"127.0.0.1:1/nothing:1\"",
                           "Warning Failed: Error: ImagePullBackOff"}) {
    EXPECT_THAT(story, HasSubstr(line));
  }
  ASSERT_TRUE(Eventually([&] {
    return Story("a").find("Pulling image \"127.0.0.1:1/nothing:1\" (2 times") != std::string::npos;
  })) << Story("a");
}

TEST_F(KubeletEventsTest, ACrashIsToldFromTheFirstStartToTheBackOff) {
  Begin();
  PutManifest("a.yaml", BusyboxPod("a", "exit 3"));
  ASSERT_TRUE(Eventually([&] { return Waits("a") == "CrashLoopBackOff"; })) << Get("/pods");
  const std::string story = Story("a");
  for (const std::string line :
       {"Normal  Pulled: Container image \"docker.io/library/busybox:demo\" already present on "
        "machine",
        "Normal  Created: Created container: main", "Normal  Started: Started container main"}) {
    EXPECT_THAT(story, HasSubstr(line));
  }
  EXPECT_THAT(
      story,
      HasSubstr(
          "Warning BackOff: Back-off restarting failed container main in pod a-node_default(" +
          Uid("a") + ")"));
}

TEST_F(KubeletEventsTest, ASandboxThatIsGoneIsMadeAnew) {
  Begin();
  PutManifest("a.yaml", BusyboxPod("a", "sleep 1000"));
  ASSERT_TRUE(Eventually([&] { return IsReady("a"); })) << Get("/pods");
  const std::string id = Container("a", "main").At({"containerID"}).AsString();
  ASSERT_TRUE(Runtime().StopPodSandbox(Runtime().ListPodSandboxes().value().at(0).id()).ok());
  ASSERT_TRUE(Eventually([&] {
    return IsReady("a") && Container("a", "main").At({"containerID"}).AsString() != id;
  })) << Get("/pods");
  EXPECT_THAT(
      Story("a"),
      HasSubstr("Normal  SandboxChanged: Pod sandbox changed, it will be killed and re-created."));
}

TEST_F(KubeletEventsTest, OwnPoliciesAndRulesOfAContainerDecide) {
  Begin();
  PutManifest(
      "rule.yaml",
      BusyboxPod(
          "rule", "if [ -e /once/x ]; then exit 7; fi; touch /once/x; exit 42",
          "  restartPolicy: Never\n  volumes: [{name: once, emptyDir: {}}]\n",
          "      volumeMounts: [{name: once, mountPath: /once}]\n      restartPolicy: Never\n"
          "      restartPolicyRules: [{action: Restart, exitCodes: {operator: In, values: "
          "[42]}}]\n"));
  ASSERT_TRUE(Eventually([&] { return Status("rule").At({"phase"}).AsString() == "Failed"; }))
      << Get("/pods");
  EXPECT_EQ(Container("rule", "main").At({"restartCount"}).AsInt(), 1);
  EXPECT_EQ(Container("rule", "main").At({"state", "terminated", "exitCode"}).AsInt(), 7);
}

}  // namespace
}  // namespace keelson::node_test
