// SPDX-License-Identifier: Apache-2.0
// kubectl logs: of which container, from where on, how far, and while more is written.
#include "tests/cluster/kubectl_fixture.h"

namespace keelson::cluster_test {
namespace {

using ::testing::AllOf;
using ::testing::Eq;
using ::testing::HasSubstr;

class KubectlLogsTest : public KubectlTest {};

TEST_F(KubectlLogsTest, OfARunningContainerFromWhereItIsAsked) {
  ASSERT_NO_FATAL_FAILURE(StartCluster());
  ASSERT_NO_FATAL_FAILURE(
      RunScript("speaker", "for i in 1 2 3 4 5; do echo line $i; done; sleep 100000"));
  Becomes("kubectl logs speaker", Eq("line 1\nline 2\nline 3\nline 4\nline 5\n"));
  EXPECT_EQ(Out("kubectl logs speaker --tail=2"), "line 4\nline 5\n");
  EXPECT_EQ(Out("kubectl logs speaker --tail=0"), "");
  EXPECT_EQ(Out("kubectl logs pod/speaker -c main --tail=1"), "line 5\n");
  EXPECT_EQ(Out("kubectl logs speaker --limit-bytes=9"), "line 1\nli");
  EXPECT_EQ(Out("kubectl logs speaker --since=100h --tail=1"), "line 5\n");
  EXPECT_EQ(Out("kubectl logs speaker --since-time=$(date -u -d '+2 hours' +%FT%TZ)"), "");
  const std::string when = "20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-9:]{8}\\.[0-9]{9}Z ";
  EXPECT_THAT(Out("kubectl logs speaker --timestamps --tail=2"),
              Like(when + "line 4\n" + when + "line 5\n"));
  // From the time of the fourth line on; a moment's lines may share it.
  EXPECT_THAT(Out("kubectl logs speaker --since-time=$(kubectl logs speaker --timestamps --tail=2 "
                  "| head -n 1 | cut -d' ' -f1)"),
              AllOf(HasSubstr("line 4\nline 5\n")));
  EXPECT_EQ(Out("kubectl logs speaker --prefix --tail=1"), "[pod/speaker/main] line 5\n");
  EXPECT_EQ(Err("kubectl logs speaker -c nobody"),
            "error: container nobody is not valid for pod speaker\n");
  EXPECT_EQ(Err("kubectl logs speaker --previous"),
            "Error from server (BadRequest): previous terminated container \"main\" in pod "
            "\"speaker\" not found\n");
  EXPECT_EQ(Err("kubectl logs nobody"),
            "error: error from server (NotFound): pods \"nobody\" not found in namespace "
            "\"default\"\n");
}

TEST_F(KubectlLogsTest, AreFollowedUntilTheContainerEnds) {
  ASSERT_NO_FATAL_FAILURE(StartCluster());
  EXPECT_EQ(Out(std::string("kubectl run story --restart=Never --image=") + kBusybox +
                " -- sh -c 'echo once upon a time; until [ -e /tmp/go ]; do sleep 0.1; done; "
                "seq 1 5000; echo the end'"),
            "pod/story created\n");
  (void)Out("kubectl wait --for=condition=Ready pod/story --timeout=200s");
  Session following = Start("kubectl logs -f story");
  Session late = Start("kubectl logs -f --tail=0 --timestamps story");
  EXPECT_TRUE(following.Says("once upon a time\n")) << following.said();
  EXPECT_EQ(Out("kubectl exec story -- touch /tmp/go"), "");
  EXPECT_TRUE(following.Says("\n5000\nthe end\n")) << following.said();
  EXPECT_EQ(following.Wait(), 0);
  EXPECT_EQ(following.said(), "once upon a time\n" + Out("seq 1 5000") + "the end\n");
  EXPECT_EQ(late.Wait(), 0);
  EXPECT_TRUE(late.said().ends_with("Z the end\n")) << late.said();
}

TEST_F(KubectlLogsTest, OfTheLifeBefore) {
  ASSERT_NO_FATAL_FAILURE(StartCluster());
  const std::string pod = BusyboxPod(
      "twice",
      "if [ -e /kept/again ]; then echo second life; sleep 100000; fi; touch /kept/again; echo "
      "first life; exit 3",
      "  volumes: [{name: kept, emptyDir: {}}]\n",
      "      volumeMounts: [{name: kept, mountPath: /kept}]\n");
  (void)Out("kubectl apply -f -", pod);
  Becomes("kubectl get pod twice --no-headers",
          Like("twice *1/1 *Running *1 \\([0-9ms]+ ago\\) .*\n"));
  Becomes("kubectl logs twice", Eq("second life\n"));
  EXPECT_EQ(Out("kubectl logs twice --previous"), "first life\n");
  EXPECT_EQ(Out("kubectl logs -p --tail=1 twice"), "first life\n");
  EXPECT_THAT(Out("kubectl describe pod twice"),
              AllOf(HasSubstr("    Last State:     Terminated\n      Reason:       Error\n      "
                              "Exit Code:    3\n"),
                    HasSubstr("    Restart Count:  1\n")));
}

TEST_F(KubectlLogsTest, OfSeveralContainersAndPods) {
  ASSERT_NO_FATAL_FAILURE(StartCluster());
  const std::string pods =
      R"({"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"pair"},"spec":{"replicas":2,
      "selector":{"matchLabels":{"app":"pair"}},"template":{"metadata":{"labels":{"app":"pair"}},
      "spec":{"terminationGracePeriodSeconds":0,"containers":[
      {"name":"a","image":"docker.io/library/busybox:demo","command":["sh","-c","echo from a; sleep 100000"]},
      {"name":"b","image":"docker.io/library/busybox:demo","command":["sh","-c","echo from b; sleep 100000"]}]}}}})";
  EXPECT_EQ(Out("kubectl create -f -", pods), "deployment.apps/pair created\n");
  (void)Out("kubectl rollout status deployment/pair --timeout=200s");
  const std::vector<std::string> names = Pods("app=pair");
  ASSERT_EQ(names.size(), 2u);
  Becomes("kubectl logs " + names[0] + " -c b", Eq("from b\n"));
  Becomes("kubectl logs " + names[1] + " -c b", Eq("from b\n"));
  const Told one = Sh("kubectl logs " + names[0]);
  EXPECT_EQ(one.out, "from a\n");
  EXPECT_EQ(one.err, "Defaulted container \"a\" out of: a, b\n");
  EXPECT_EQ(Out("kubectl logs " + names[0] + " --all-containers | sort"), "from a\nfrom b\n");
  EXPECT_EQ(Out("kubectl logs -l app=pair -c a"), "from a\nfrom a\n");
  EXPECT_EQ(Out("kubectl logs -l app=pair --all-containers --prefix | sort"),
            "[pod/" + names[0] + "/a] from a\n[pod/" + names[0] + "/b] from b\n[pod/" + names[1] +
                "/a] from a\n[pod/" + names[1] + "/b] from b\n");
  EXPECT_EQ(Err("kubectl logs -l app=none", 0), "No resources found in default namespace.\n");
  const Told any = Sh("kubectl logs deployment/pair -c b");
  EXPECT_EQ(any.out, "from b\n");
  EXPECT_THAT(any.err, Like("Found 2 pods, using pod/(" + names[0] + "|" + names[1] + ")\n"));
  EXPECT_EQ(Out("kubectl logs deployment/pair --all-pods -c a | sort"),
            "[pod/" + names[0] + "/a] from a\n[pod/" + names[1] + "/a] from a\n");
  // Both are followed by their labels; what is deleted ends them.
  Session following = Start("kubectl logs -f -l app=pair -c a --prefix");
  EXPECT_TRUE(following.Says("/a] from a\n")) << following.said();
  EXPECT_TRUE(following.Says("/a] from a\n")) << following.said();
  EXPECT_EQ(Out("kubectl delete deployment pair"),
            "deployment.apps \"pair\" deleted from default namespace\n");
  EXPECT_EQ(following.Wait(), 0) << following.said();
}

}  // namespace
}  // namespace keelson::cluster_test
