// SPDX-License-Identifier: Apache-2.0
// What differs on the wire from one kubectl to the next, with each that is supported: sessions over
// WebSocket and SPDY, logs, cp, debug, apply by the
// server, top, wait, drain, describe, delete.
#include <map>

#include "lib/http/client/client.h"
#include "tests/cluster/kubectl_fixture.h"

namespace keelson::cluster_test {
namespace {

using ::testing::AllOf;
using ::testing::Eq;
using ::testing::HasSubstr;

constexpr int kOldest = 30;

class KubectlVersionsTest : public KubectlTest, public testing::WithParamInterface<int> {
 protected:
  static void SetUpTestSuite() {
    for (int minor = kOldest; minor <= kNewest; ++minor)
      ASSERT_NO_FATAL_FAILURE(FindProgram(minor));
    KubectlTest::SetUpTestSuite();
  }
  void SetUp() override {
    minor_ = GetParam();
    KubectlTest::SetUp();
  }
  // From 1.34 on it says where it deleted something.
  std::string Deleted(const std::string& what) {
    return what + (minor_ >= 34 ? " deleted from default namespace\n" : " deleted\n");
  }
};

TEST_P(KubectlVersionsTest, DoesItsWorkOnWhatRuns) {
  ASSERT_NO_FATAL_FAILURE(StartCluster());
  EXPECT_THAT(Out("kubectl version --client"),
              HasSubstr("Client Version: v1." + std::to_string(minor_) + "."));
  EXPECT_EQ(
      Out(std::string("kubectl run box --labels=app=box --port=8080 --expose --image=") + kBusybox +
          " -- sh -c 'echo begun; trap exit TERM; httpd -p 8080 -h /etc; while true; do "
          "sleep 0.1; done'"),
      "service/box created\npod/box created\n");
  EXPECT_EQ(Out("kubectl wait --for=condition=Ready pod/box --timeout=200s"),
            "pod/box condition met\n");
  EXPECT_EQ(Out("kubectl wait --for=jsonpath='{.status.phase}'=Running pod/box"),
            "pod/box condition met\n");
  Becomes("kubectl logs box", Eq("begun\n"));
  EXPECT_THAT(Out("kubectl logs box --timestamps --tail=1 --since=100h"),
              Like("20[-0-9]+T[0-9:.]+Z begun\n"));
  EXPECT_THAT(Err("kubectl logs box --previous"),
              HasSubstr("previous terminated container \"box\" in pod \"box\" not found\n"));
  Session log = Start("kubectl logs -f box");
  EXPECT_TRUE(log.Says("begun\n")) << log.said();

  ASSERT_NO_FATAL_FAILURE(RunScript("speaker", "while true; do echo tick; sleep 1; done"));
  for (const char* ways : {"", "true", "false"}) {
    SCOPED_TRACE(std::string("WebSocket: ") + ways);
    ways_ = ways;
    const std::string folder = std::string("/tmp/by-") + ways;
    EXPECT_EQ(Out("kubectl exec -i box -- cat", "to and fro\n"), "to and fro\n");
    const Told apart = Sh("kubectl exec box -- sh -c 'echo out; echo err >&2; exit 7'");
    EXPECT_EQ(apart.code, 7);
    EXPECT_EQ(apart.out, "out\n");
    EXPECT_EQ(apart.err, "err\ncommand terminated with exit code 7\n");
    Session shell = OnTerminal("kubectl exec -it box -- sh", {.rows = 40, .columns = 100});
    ASSERT_TRUE(shell.Says("# ")) << shell.said();
    shell.Type("stty size\r");
    EXPECT_TRUE(shell.Says("\r\n40 100\r\n")) << shell.said();
    shell.Type("exit 9\r");
    EXPECT_EQ(shell.Wait(), 9) << shell.said();

    (void)Out("rm -rf sent back && mkdir sent && seq 1 100000 >sent/numbers");
    EXPECT_EQ(Out("kubectl cp sent box:" + folder), "");
    EXPECT_EQ(Sh("kubectl cp box:" + folder + " back").code, 0);
    EXPECT_EQ(Out("cmp sent/numbers back/numbers"), "");

    for (const char* what : {"pod/box", "service/box"}) {
      Session forwarding = Start(std::string("kubectl port-forward ") + what + " :8080");
      ASSERT_TRUE(forwarding.Says("Forwarding from 127.0.0.1:")) << forwarding.said();
      ASSERT_TRUE(forwarding.Says(" -> 8080\n")) << forwarding.said();
      const std::string& said = forwarding.said();
      const size_t at = said.find(".1:") + 3;
      const auto answer = http::Client().PerformToString(
          {.url = "http://127.0.0.1:" + said.substr(at, said.find(' ', at) - at) + "/motd"},
          size_t{1} << 20);
      ASSERT_TRUE(answer.ok()) << answer.error().message() << said;
      EXPECT_THAT(answer->second, HasSubstr("Keelson demo image: busybox"));
    }
    Session attached = Start("kubectl attach speaker -c main");
    EXPECT_TRUE(attached.Says("tick\n")) << attached.said();
    const std::string look = std::string("look") + ways;
    Session debug = OnTerminal("kubectl debug speaker -it --target=main -c " + look +
                               " --image=" + kBusybox + " -- sh -c 'read line; hostname; exit 2'");
    ASSERT_TRUE(debug.Says("Targeting container \"main\".")) << debug.said();
    ASSERT_TRUE(debug.Says("try pressing enter.\r\n")) << debug.said();
    debug.Type("\r");
    EXPECT_TRUE(debug.Says("speaker\r\n")) << debug.said();
    (void)debug.Wait();
    const std::string name = std::string("talk") + ways;
    Session talk =
        OnTerminal("kubectl run " + name + " --rm -it --restart=Never --image=" + kBusybox +
                   " -- sh -c 'while read line && [ $line != end ]; do echo heard "
                   "$line; done; exit 3'");
    ASSERT_TRUE(Eventually([&] { return Condition(Object({"pod", name}), "Ready") == "True"; }));
    talk.Type("hello\r");
    EXPECT_TRUE(talk.Says("heard hello\r\n")) << talk.said();
    talk.Type("end\r");
    EXPECT_EQ(talk.Wait(), 3) << talk.said();
    EXPECT_THAT(talk.said(), HasSubstr("pod \"" + name + "\" deleted"));
  }
  ways_.clear();

  Becomes("kubectl top pod box --containers",
          Like("POD   NAME   CPU\\(cores\\)   MEMORY\\(bytes\\) *\nbox   box    [0-9]+m +[0-9]+Mi "
               "*\n"));
  Becomes("kubectl top node --no-headers", Like("node +[0-9]+m +[0-9]+% +[0-9]+Mi +[0-9]+% *\n"));
  EXPECT_THAT(Out("kubectl describe pod box"),
              AllOf(HasSubstr("Node:             node/10.199.0.1\n"),
                    testing::ContainsRegex("Normal +Started +[0-9ms]+ +kubelet +Started container "
                                           "box\n")));
  EXPECT_THAT(Out("kubectl describe node node"),
              AllOf(HasSubstr("KubeletReady"), HasSubstr("Non-terminated Pods:"),
                    testing::ContainsRegex("\n  default +box +0 \\(0%\\)")));

  Write("web.yaml",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: 1\n  "
        "selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    "
        "spec:\n      terminationGracePeriodSeconds: 0\n      containers: [{name: c, image: "
        "\"docker.io/library/nginx:demo\"}]\n");
  EXPECT_EQ(Out("kubectl apply --server-side -f web.yaml"),
            "deployment.apps/web serverside-applied\n");
  EXPECT_THAT(Out("kubectl rollout status deployment/web --timeout=200s"),
              testing::EndsWith("deployment \"web\" successfully rolled out\n"));
  EXPECT_EQ(Out("kubectl diff --server-side -f web.yaml"), "");
  EXPECT_EQ(Out("kubectl set image deployment/web c=docker.io/library/nginx:two"),
            "deployment.apps/web image updated\n");
  (void)Out("kubectl rollout status deployment/web --timeout=200s");
  EXPECT_THAT(Err("kubectl apply --server-side --field-manager=other -f web.yaml"),
              HasSubstr("error: Apply failed with 1 conflict: conflict with "
                        "\"kubectl-set\" using apps/v1: "
                        ".spec.template.spec.containers[name=\"c\"].image\n"));
  EXPECT_EQ(Out("kubectl autoscale deployment web --min=1 --max=2 " +
                std::string(minor_ >= 34 ? "--cpu=50%" : "--cpu-percent=50")),
            "horizontalpodautoscaler.autoscaling/web autoscaled\n");
  EXPECT_THAT(Out("kubectl describe hpa web"), HasSubstr("Deployment/web\n"));

  const Told drained = Sh("kubectl drain node --force --timeout=200s --grace-period=1");
  EXPECT_EQ(drained.code, 0) << drained.out << drained.err;
  EXPECT_THAT(drained.out,
              AllOf(HasSubstr("node/node cordoned\n"), HasSubstr("pod/box evicted\n"),
                    HasSubstr("pod/speaker evicted\n"), testing::EndsWith("node/node drained\n")));
  EXPECT_EQ(log.Wait(), 0) << log.said();
  EXPECT_EQ(Out("kubectl uncordon node"), "node/node uncordoned\n");
  EXPECT_EQ(Out("kubectl delete deployment web"), Deleted("deployment.apps \"web\""));
  ASSERT_NO_FATAL_FAILURE(RunScript("deaf", "trap \"\" TERM; while true; do sleep 1; done"));
  EXPECT_THAT(Out("kubectl delete pod deaf --grace-period=0 --force"),
              testing::StartsWith("pod \"deaf\" force deleted"));
  EXPECT_TRUE(Eventually([&] { return IsGone(); }));
}

INSTANTIATE_TEST_SUITE_P(Kubectl, KubectlVersionsTest, testing::Range(kOldest, 36),
                         [](const testing::TestParamInfo<int>& version) {
                           return "1_" + std::to_string(version.param);
                         });

}  // namespace
}  // namespace keelson::cluster_test
