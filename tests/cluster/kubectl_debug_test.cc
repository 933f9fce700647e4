// SPDX-License-Identifier: Apache-2.0
// kubectl debug: a container beside those of a pod that runs, a copy of the pod, the node itself.
#include "tests/cluster/kubectl_fixture.h"

namespace keelson::cluster_test {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::Eq;
using ::testing::HasSubstr;

class KubectlDebugTest : public KubectlTest {};

TEST_F(KubectlDebugTest, AContainerIsAddedToAPodThatRuns) {
  ASSERT_NO_FATAL_FAILURE(StartCluster());
  ASSERT_NO_FATAL_FAILURE(RunScript("box", "exec sleep 100123"));
  const std::string before =
      Out("kubectl get pod box -o jsonpath={.status.containerStatuses[0].containerID}");
  Session shell = OnTerminal(
      std::string("kubectl debug box -it --target=main -c look --image=") + kBusybox + " -- sh",
      {.rows = 37, .columns = 91});
  ASSERT_TRUE(
      shell.Says("Targeting container \"main\". If you don't see processes from this "
                 "container it may be because the container runtime doesn't support this "
                 "feature.\r\n"))
      << shell.said();
  ASSERT_TRUE(shell.Says("If you don't see a command prompt, try pressing enter.\r\n"))
      << shell.said();
  shell.Type("\r");
  ASSERT_TRUE(shell.Says("# ")) << shell.said();
  // It sees the processes of the container that it is for, and speaks for the same pod.
  shell.Type("tr '\\0' ' ' </proc/1/cmdline; echo; hostname; stty size\r");
  EXPECT_TRUE(shell.Says("\r\nsleep 100123 \r\nbox\r\n37 91\r\n")) << shell.said();
  EXPECT_THAT(Out("kubectl describe pod box"),
              AllOf(HasSubstr("Ephemeral Containers:\n  look:\n    Container ID:  keelson://"),
                    ContainsRegex("Normal +Started +[0-9ms]+ +kubelet +Started container look\n")));
  shell.Type("exit 5\r");
  (void)shell.Wait();
  EXPECT_THAT(shell.said(), HasSubstr("exit 5"));
  Becomes(
      "kubectl get pod box -o "
      "jsonpath='{.status.ephemeralContainerStatuses[0].state.terminated.exitCode}'",
      Eq("5"));
  EXPECT_EQ(Out("kubectl get pod box -o jsonpath={.status.containerStatuses[0].containerID}"),
            before);
  EXPECT_THAT(Out("kubectl get pod box --no-headers"), Like("box +1/1 +Running +0 +[0-9ms]+\n"));

  // In the background; its log is read like any other's.
  const Told told = Sh(std::string("kubectl debug box --attach=false -c note --image=") + kBusybox +
                       " -- echo a note");
  EXPECT_EQ(told.code, 0) << told.err;
  Becomes("kubectl logs box -c note", Eq("a note\n"));
}

TEST_F(KubectlDebugTest, ACopyOfAPodIsMade) {
  ASSERT_NO_FATAL_FAILURE(StartCluster());
  ASSERT_NO_FATAL_FAILURE(RunScript("bad", "exec sleep 100123"));
  EXPECT_EQ(Out("kubectl debug bad --copy-to=good --container=main --attach=false "
                "--set-image=main=docker.io/library/busybox:demo -- sh -c 'echo instead; sleep "
                "100000'"),
            "");
  EXPECT_EQ(Out("kubectl wait --for=condition=Ready pod/good --timeout=200s"),
            "pod/good condition met\n");
  Becomes("kubectl logs good", Eq("instead\n"));
  EXPECT_THAT(Out("kubectl get pod bad --no-headers"), Like("bad +1/1 +Running +0 +[0-9ms]+\n"));
}

TEST_F(KubectlDebugTest, ANodeIsLookedAtFromAPodOnIt) {
  ASSERT_NO_FATAL_FAILURE(StartCluster());
  (void)Out("echo seen from the pod >mark");
  Session shell = OnTerminal(std::string("kubectl debug node/node -it --image=") + kBusybox +
                             " -- sh -c 'read line; cat /host" + Here("mark") + "; exit 6'");
  EXPECT_TRUE(shell.Says("Creating debugging pod node-debugger-node-")) << shell.said();
  EXPECT_TRUE(shell.Says(" with container debugger on node node.\r\n")) << shell.said();
  ASSERT_TRUE(shell.Says("If you don't see a command prompt, try pressing enter.\r\n"))
      << shell.said();
  shell.Type("\r");
  EXPECT_TRUE(shell.Says("seen from the pod\r\n")) << shell.said();
  (void)shell.Wait();
  const std::string pod = Out("kubectl get pods -o name");
  EXPECT_THAT(pod, Like("pod/node-debugger-node-[0-9a-z]+\n"));
  EXPECT_EQ(Out("kubectl get pods -o jsonpath='{.items[0].spec.hostNetwork} "
                "{.items[0].spec.hostPID} {.items[0].spec.hostIPC} {.items[0].spec.nodeName}'"),
            "true true true node");
}

}  // namespace
}  // namespace keelson::cluster_test
