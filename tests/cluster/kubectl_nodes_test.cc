// SPDX-License-Identifier: Apache-2.0
// kubectl top, cordon, uncordon, drain, taint, label, annotate, describe, wait, delete, get -w,
// events: what people do to a node and to what runs on it.
#include "lib/base/strings.h"
#include "tests/cluster/kubectl_fixture.h"

namespace keelson::cluster_test {
namespace {

using ::testing::AllOf;
using ::testing::Eq;
using ::testing::HasSubstr;
using ::testing::Not;

class KubectlNodesTest : public KubectlTest {};

TEST_F(KubectlNodesTest, ANodeIsMarkedAndTold) {
  ASSERT_NO_FATAL_FAILURE(StartCluster());
  EXPECT_EQ(Out("kubectl cordon node"), "node/node cordoned\n");
  EXPECT_EQ(Out("kubectl cordon node"), "node/node already cordoned\n");
  EXPECT_THAT(Out("kubectl get nodes"),
              Like("NAME   STATUS                     ROLES    AGE +VERSION\n"
                   "node   Ready,SchedulingDisabled   <none>   [0-9ms]+ +v1[-.+a-z0-9]+\n"));
  (void)Out("kubectl create -f -", BusyboxPod("waits", "sleep 100000"));
  Becomes("kubectl describe pod waits", HasSubstr("  Warning  FailedScheduling  "));
  EXPECT_THAT(Out("kubectl describe pod waits"),
              HasSubstr("0/1 nodes are available: 1 node(s) were unschedulable."));
  EXPECT_EQ(Out("kubectl uncordon node"), "node/node uncordoned\n");
  EXPECT_EQ(Out("kubectl uncordon node"), "node/node already uncordoned\n");
  EXPECT_EQ(Out("kubectl wait --for=condition=Ready pod/waits --timeout=200s"),
            "pod/waits condition met\n");

  EXPECT_EQ(Out("kubectl taint node node colour=blue:NoSchedule"), "node/node tainted\n");
  EXPECT_THAT(Err("kubectl taint node node colour=blue:NoSchedule"),
              HasSubstr("node node already has colour taint(s) with same effect(s) and "
                        "--overwrite is false"));
  EXPECT_EQ(Out("kubectl taint node node colour=red:NoExecute"), "node/node tainted\n");
  // Who does not bear it goes.
  EXPECT_EQ(Out("kubectl wait --for=delete pod/waits --timeout=200s"), "pod/waits condition met\n");
  EXPECT_EQ(Out("kubectl taint node node colour-"), "node/node untainted\n");
  EXPECT_EQ(Out("kubectl label node node disk=fast"), "node/node labeled\n");
  EXPECT_EQ(Err("kubectl label node node disk=slow"),
            "error: 'disk' already has a value (fast), and --overwrite is false\n");
  EXPECT_EQ(Out("kubectl get nodes -l disk=fast -o name"), "node/node\n");
  EXPECT_EQ(Out("kubectl label node node disk-"), "node/node unlabeled\n");
  EXPECT_EQ(Out("kubectl annotate node node who=me"), "node/node annotated\n");

  ASSERT_NO_FATAL_FAILURE(RunScript("one", "sleep 100000"));
  const std::string told = Out("kubectl describe node node");
  for (const char* part :
       {"Name:               node\n", "Roles:              <none>\n",
        "Taints:             <none>\nUnschedulable:      false\n", "  MemoryPressure   False   ",
        "KubeletHasSufficientMemory", "  Ready            True    ", "KubeletReady",
        "Addresses:\n  InternalIP:  10.199.0.1\n  Hostname:    node\n",
        "Capacity:\n  cpu: ", "Allocatable:\n  cpu: ", "  Container Runtime Version:  keelson://",
        "PodCIDR: ", "Non-terminated Pods:          (1 in total)\n",
        "  default                     one     0 (0%)        0 (0%)      0 (0%)           0 (0%)",
        "Allocated resources:\n", "\nEvents:\n"})
    EXPECT_THAT(told, HasSubstr(part));
  EXPECT_THAT(told, testing::ContainsRegex("  Normal +NodeReady +[0-9ms]+ .*kubelet +Node node "
                                           "status is now: NodeReady"));
  EXPECT_THAT(told, testing::ContainsRegex("  Normal +RegisteredNode +[0-9ms]+ .*node-controller +"
                                           "Node node event: Registered Node node in Controller"));
}

TEST_F(KubectlNodesTest, WhatIsUsedIsTold) {
  ASSERT_NO_FATAL_FAILURE(StartCluster());
  const std::string pod =
      R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"two"},"spec":{
      "terminationGracePeriodSeconds":0,"containers":[
      {"name":"a","image":"docker.io/library/busybox:demo","command":["sleep","100000"]},
      {"name":"b","image":"docker.io/library/busybox:demo","command":["sleep","100000"]}]}})";
  (void)Out("kubectl create -f -", pod);
  (void)Out("kubectl wait --for=condition=Ready pod/two --timeout=200s");
  Becomes("kubectl top node", Like("NAME   CPU\\(cores\\)   CPU\\(%\\)   MEMORY\\(bytes\\)   "
                                   "MEMORY\\(%\\) *\nnode   [0-9]+m +[0-9]+% +[0-9]+Mi +[0-9]+% *"
                                   "\n"));
  Becomes("kubectl top pod", Like("NAME   CPU\\(cores\\)   MEMORY\\(bytes\\) *\n"
                                  "two    [0-9]+m +[0-9]+Mi *\n"));
  Becomes("kubectl top pod two --containers",
          Like("POD   NAME   CPU\\(cores\\)   MEMORY\\(bytes\\) *\n"
               "two   a      [0-9]+m +[0-9]+Mi *\ntwo   b      [0-9]+m +[0-9]+Mi *\n"));
  EXPECT_THAT(Out("kubectl top pod -A --sort-by=memory --sum --no-headers"),
              Like("default +two +[0-9]+m +[0-9]+Mi *\n.*[0-9]+m +[0-9]+Mi *\n"));
  EXPECT_EQ(Err("kubectl top pod none"), "Error from server (NotFound): pods \"none\" not found\n");
  EXPECT_EQ(Err("kubectl top node none"),
            "Error from server (NotFound): nodes \"none\" not found\n");
}

TEST_F(KubectlNodesTest, ADrainTakesWhatItIsToldAndWaitsForABudget) {
  ASSERT_NO_FATAL_FAILURE(StartCluster());
  const std::string objects =
      R"({"apiVersion":"v1","kind":"List","items":[
      {"apiVersion":"apps/v1","kind":"DaemonSet","metadata":{"name":"each"},"spec":{
      "selector":{"matchLabels":{"app":"each"}},"template":{"metadata":{"labels":{"app":"each"}},
      "spec":{"terminationGracePeriodSeconds":0,"containers":[{"name":"c",
      "image":"docker.io/library/nginx:demo"}]}}}},
      {"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web"},"spec":{"replicas":1,
      "selector":{"matchLabels":{"app":"web"}},"template":{"metadata":{"labels":{"app":"web"}},
      "spec":{"terminationGracePeriodSeconds":0,"volumes":[{"name":"v","emptyDir":{}}],
      "containers":[{"name":"c","image":"docker.io/library/nginx:demo",
      "volumeMounts":[{"name":"v","mountPath":"/v"}]}]}}}}]})";
  EXPECT_EQ(Out("kubectl create -f -", objects),
            "daemonset.apps/each created\ndeployment.apps/web created\n");
  (void)Out("kubectl rollout status daemonset/each --timeout=200s");
  (void)Out("kubectl rollout status deployment/web --timeout=200s");
  ASSERT_NO_FATAL_FAILURE(RunScript("alone", "sleep 100000"));
  const std::string each = Pods("app=each").at(0), web = Pods("app=web").at(0);
  EXPECT_EQ(Out("kubectl create poddisruptionbudget web --selector=app=web --min-available=1"),
            "poddisruptionbudget.policy/web created\n");
  Becomes("kubectl get pdb web", Like("NAME   MIN AVAILABLE   MAX UNAVAILABLE   ALLOWED "
                                      "DISRUPTIONS   AGE\nweb    1               N/A               "
                                      "0                     [0-9ms]+\n"));
  Becomes(
      "kubectl get pdb web -o jsonpath={.status.currentHealthy},{.status.desiredHealthy},"
      "{.status.expectedPods},{.status.disruptionsAllowed}",
      Eq("1,1,1,0"));
  const Told refused = Sh("kubectl drain node");
  EXPECT_EQ(refused.code, 1);
  EXPECT_EQ(refused.out, "node/node cordoned\n");
  EXPECT_THAT(refused.err,
              AllOf(testing::StartsWith("error: unable to drain node \"node\" due to error: ["),
                    HasSubstr("], continuing command...\nThere are pending nodes to be drained:\n "
                              "node\n"),
                    HasSubstr("cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to "
                              "ignore): default/" +
                              each),
                    HasSubstr("cannot delete Pods that declare no controller (use --force to "
                              "override): default/alone"),
                    HasSubstr("cannot delete Pods with local storage (use --delete-emptydir-data "
                              "to override): default/" +
                              web)));

  Session drain =
      Start("kubectl drain node --ignore-daemonsets --force --delete-emptydir-data --timeout=200s");
  EXPECT_TRUE(drain.Says("error when evicting pods/\"" + web +
                         "\" -n \"default\" (will retry after 5s): Cannot evict pod as it would "
                         "violate the pod's disruption budget.\n"))
      << drain.said();
  EXPECT_EQ(Out("kubectl get pod " + web + " -o jsonpath={.metadata.deletionTimestamp}"), "");
  // A second one would be enough, and finds no node; somebody lets both be fewer.
  EXPECT_EQ(Out("kubectl scale deployment web --replicas=2"), "deployment.apps/web scaled\n");
  Becomes("kubectl get pdb web -o jsonpath={.status.expectedPods},{.status.disruptionsAllowed}",
          Eq("2,0"));
  EXPECT_EQ(Out("kubectl patch pdb web -p '{\"spec\":{\"minAvailable\":0}}'"),
            "poddisruptionbudget.policy/web patched\n");
  EXPECT_EQ(drain.Wait(), 0) << drain.said();
  EXPECT_THAT(
      drain.said(),
      AllOf(testing::StartsWith("node/node already cordoned\n"),
            HasSubstr("ignoring DaemonSet-managed Pods: default/" + each),
            HasSubstr("deleting Pods that declare no controller: default/alone"),
            HasSubstr("evicting pod default/" + web + "\n"), HasSubstr("pod/" + web + " evicted\n"),
            HasSubstr("pod/alone evicted\n"), testing::EndsWith("node/node drained\n")));
  // What took its place has nowhere to go; the daemon stays.
  Becomes("kubectl get pods -l app=web --no-headers",
          Like("web-[-0-9a-z]+ +0/1 +Pending .*\nweb-[-0-9a-z]+ +0/1 +Pending .*\n"));
  EXPECT_EQ(Pods("app=each"), std::vector<std::string>{each});
  EXPECT_EQ(Out("kubectl uncordon node"), "node/node uncordoned\n");
  (void)Out("kubectl rollout status deployment/web --timeout=200s");
  // With two of them, one may go at a time: a drain takes both, the second when another serves.
  EXPECT_EQ(Out("kubectl patch pdb web -p '{\"spec\":{\"minAvailable\":1}}'"),
            "poddisruptionbudget.policy/web patched\n");
  Becomes("kubectl get pdb web -o jsonpath={.status.currentHealthy},{.status.disruptionsAllowed}",
          Eq("2,1"));
  const std::vector<std::string> both = Pods("app=web");
  Session again =
      Start("kubectl drain node --ignore-daemonsets --delete-emptydir-data --timeout=200s");
  EXPECT_TRUE(
      again.Says("(will retry after 5s): Cannot evict pod as it would violate the pod's "
                 "disruption budget.\n"))
      << again.said();
  EXPECT_EQ(Out("kubectl uncordon node"), "node/node uncordoned\n");
  EXPECT_EQ(again.Wait(), 0) << again.said();
  for (const std::string& pod : both)
    EXPECT_THAT(again.said(), HasSubstr("pod/" + pod + " evicted\n"));
  (void)Out("kubectl rollout status deployment/web --timeout=200s");
}

TEST_F(KubectlNodesTest, APodIsDescribedWatchedAwaitedAndDeleted) {
  ASSERT_NO_FATAL_FAILURE(StartCluster());
  Session watching = Start("kubectl get pods -w");
  ASSERT_NO_FATAL_FAILURE(RunScript(
      "slow",
      "trap \"echo asked to end; until [ -e /tmp/end ]; do sleep 0.1; done; exit 0\" TERM; "
      "echo runs; while true; do sleep 0.1; done",
      "  nodeSelector: {kubernetes.io/os: linux}\n"));
  Becomes("kubectl logs slow", Eq("runs\n"));
  for (const char* state : {"0/1     Pending ", "0/1     ContainerCreating ", "1/1     Running "})
    EXPECT_TRUE(watching.Says(std::string("slow   ") + state)) << state << watching.said();

  Becomes("kubectl describe pod slow", HasSubstr("Started container main"));
  const std::string told = Out("kubectl describe pod slow");
  for (const char* part :
       {"Name:             slow\nNamespace:        default\nPriority:         0\n"
        "Service Account:  default\nNode:             node/10.199.0.1\n",
        "Status:           Running\n", "IP:               10.199.7.",
        "Containers:\n  main:\n    Container ID:  keelson://",
        "    Image:         docker.io/library/busybox:demo\n", "    State:          Running\n",
        "    Ready:          True\n    Restart Count:  0\n",
        "/var/run/secrets/kubernetes.io/serviceaccount from kube-api-access-",
        "  Ready                       True", "QoS Class:                   BestEffort\n",
        "Node-Selectors:              kubernetes.io/os=linux\n",
        "node.kubernetes.io/not-ready:NoExecute op=Exists for 300s\n"})
    EXPECT_THAT(told, HasSubstr(part));
  for (const char* event :
       {"Scheduled +[0-9ms]+ +default-scheduler +Successfully assigned default/slow to node\n",
        "Pulled +[0-9ms]+ +kubelet +Container image \"docker.io/library/busybox:demo\" already "
        "present on machine",
        "Created +[0-9ms]+ +kubelet +Created container: main\n",
        "Started +[0-9ms]+ +kubelet +Started container main\n"})
    EXPECT_THAT(told, testing::ContainsRegex(std::string("  Normal +") + event));
  EXPECT_THAT(Out("kubectl events --for pod/slow"),
              AllOf(testing::ContainsRegex("^LAST SEEN   TYPE +REASON +OBJECT     MESSAGE\n"),
                    testing::ContainsRegex("\n[0-9ms]+ +Normal +Started +Pod/slow   Started "
                                           "container main\n")));
  EXPECT_THAT(Out("kubectl get events --field-selector reason=Scheduled"),
              testing::ContainsRegex("[0-9ms]+ +Normal +Scheduled +pod/slow +Successfully assigned "
                                     "default/slow to node\n"));

  EXPECT_EQ(Err("kubectl wait --for=delete pod/slow --timeout=1s"),
            "error: timed out waiting for the condition on pods/slow\n");
  EXPECT_EQ(Err("kubectl wait --for=condition=Other pod/slow --timeout=1s"),
            "error: timed out waiting for the condition on pods/slow\n");
  // It has its grace, and whoever waits is told when it is gone.
  Session deleting = Start("kubectl delete pod slow --grace-period=600");
  EXPECT_TRUE(deleting.Says("pod \"slow\" deleted from default namespace\n")) << deleting.said();
  Becomes("kubectl logs slow", Eq("runs\nasked to end\n"));
  EXPECT_THAT(Out("kubectl get pod slow --no-headers"),
              Like("slow +1/1 +Terminating +0 +[0-9ms]+\n"));
  Becomes("kubectl get events --field-selector reason=Killing --no-headers",
          testing::ContainsRegex("Normal +Killing +pod/slow +Stopping container main\n"));
  Session gone = Start("kubectl wait --for=delete pod/slow --timeout=200s");
  EXPECT_EQ(Out("kubectl exec slow -- touch /tmp/end"), "");
  EXPECT_EQ(deleting.Wait(), 0) << deleting.said();
  EXPECT_EQ(gone.Wait(), 0) << gone.said();
  EXPECT_EQ(gone.said(), "pod/slow condition met\n");
  EXPECT_TRUE(watching.Says("slow   1/1     Terminating ")) << watching.said();
  EXPECT_EQ(Err("kubectl get pod slow"), "Error from server (NotFound): pods \"slow\" not found\n");

  // Whoever takes no notice is ended at once where that is asked for.
  for (const char* how : {"--now", "--grace-period=0 --force", "--grace-period=1"}) {
    SCOPED_TRACE(how);
    ASSERT_NO_FATAL_FAILURE(RunScript("deaf",
                                      "trap \"\" TERM; echo runs; while true; do sleep 1; done",
                                      "  nodeSelector: {kubernetes.io/os: linux}\n"));
    const Told told_so = Sh(std::string("kubectl delete pod deaf ") + how);
    EXPECT_EQ(told_so.code, 0) << told_so.err;
    const bool force = std::string_view(how).ends_with("--force");
    EXPECT_EQ(told_so.out, force ? "pod \"deaf\" force deleted from default namespace\n"
                                 : "pod \"deaf\" deleted from default namespace\n");
    EXPECT_THAT(told_so.err,
                force ? Eq("Warning: Immediate deletion does not wait for confirmation that the "
                           "running resource has been terminated. The resource may continue to "
                           "run on the cluster indefinitely.\n")
                      : Eq(""));
    EXPECT_TRUE(Object({"pod", "deaf"}).IsNull());
  }
  EXPECT_TRUE(Eventually([&] { return IsGone(); }));
}

}  // namespace
}  // namespace keelson::cluster_test
