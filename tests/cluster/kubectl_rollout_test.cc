// SPDX-License-Identifier: Apache-2.0
// kubectl create deployment, expose, scale, autoscale, set and rollout: workloads that run on.
#include "tests/cluster/kubectl_fixture.h"

namespace keelson::cluster_test {
namespace {

using ::testing::AllOf;
using ::testing::Eq;
using ::testing::HasSubstr;
using ::testing::Not;

class KubectlRolloutTest : public KubectlTest {
 protected:
  void RollsOut(const std::string& what) {
    const std::string said = Out("kubectl rollout status " + what + " --timeout=200s");
    EXPECT_THAT(said, testing::EndsWith("successfully rolled out\n"))
        << Sh("kubectl describe pods").out;
  }
  std::string Image() {
    return Out("kubectl get deployment web -o jsonpath={.spec.template.spec.containers[0].image}");
  }
};

TEST_F(KubectlRolloutTest, ADeploymentIsMadeExposedScaledAndAutoscaled) {
  ASSERT_NO_FATAL_FAILURE(StartCluster());
  EXPECT_EQ(
      Out(std::string("kubectl create deployment web --replicas=2 --port=80 --image=") + kNginx),
      "deployment.apps/web created\n");
  EXPECT_THAT(Out("kubectl rollout status deployment/web --timeout=200s"),
              Like("(Waiting for deployment \"web\" rollout to finish: [01] (of 2 updated replicas "
                   "are available|out of 2 new replicas have been updated)\\.\\.\\.\n)*"
                   "deployment \"web\" successfully rolled out\n"));
  EXPECT_THAT(Out("kubectl get deployment web"),
              Like("NAME   READY   UP-TO-DATE   AVAILABLE   AGE\n"
                   "web    2/2     2            2           [0-9ms]+\n"));
  EXPECT_THAT(Out("kubectl get replicasets"),
              Like("NAME             DESIRED   CURRENT   READY   AGE\n"
                   "web-[0-9a-z]+ +2         2         2       [0-9ms]+\n"));

  EXPECT_THAT(
      Out("kubectl describe deployment web"),
      AllOf(HasSubstr("Name:                   web\nNamespace:              default\n"),
            HasSubstr("Selector:               app=web\nReplicas:               2 desired | "
                      "2 updated | 2 total | 2 available | 0 unavailable\n"
                      "StrategyType:           RollingUpdate\n"),
            HasSubstr("  Available      True    MinimumReplicasAvailable\n"),
            HasSubstr("  Progressing    True    NewReplicaSetAvailable\n"),
            HasSubstr("OldReplicaSets:  <none>\nNewReplicaSet:   web-"),
            testing::ContainsRegex("Normal +ScalingReplicaSet +[0-9ms]+ +"
                                   "deployment-controller +Scaled up replica set "
                                   "web-[0-9a-z]+ from 0 to 2\n")));

  EXPECT_EQ(Out("kubectl expose deployment web --port=8080 --target-port=80 --name=front"),
            "service/front exposed\n");
  EXPECT_THAT(Out("kubectl get service front"),
              Like("NAME    TYPE        CLUSTER-IP +EXTERNAL-IP   PORT\\(S\\)    AGE\n"
                   "front   ClusterIP   10\\.43\\.[0-9.]+ +<none>        8080/TCP   [0-9ms]+\n"));
  ASSERT_NO_FATAL_FAILURE(RunScript("client", "sleep 100000"));
  const std::string address = Out("kubectl get service front -o jsonpath={.spec.clusterIP}");
  Becomes("kubectl exec client -- timeout 20 wget -q -O - http://" + address + ":8080/",
          HasSubstr("nginx in a Keelson demo image"));

  EXPECT_EQ(Out("kubectl scale deployment/web --replicas=3"), "deployment.apps/web scaled\n");
  EXPECT_EQ(Err("kubectl scale deployment/web --current-replicas=2 --replicas=4"),
            "error: Expected replicas to be 2, was 3\n");
  RollsOut("deployment/web");
  EXPECT_EQ(Pods("app=web").size(), 3u);
  EXPECT_EQ(Out("kubectl scale deployment/web --current-replicas=3 --replicas=1"),
            "deployment.apps/web scaled\n");
  EXPECT_EQ(Out("kubectl wait deployment/web --for=jsonpath='{.status.replicas}'=1 --timeout=200s"),
            "deployment.apps/web condition met\n");
  EXPECT_THAT(Out("kubectl describe service front"),
              AllOf(HasSubstr("Name:                     front\n"),
                    HasSubstr("Selector:                 app=web\n"),
                    HasSubstr("Port:                     <unset>  8080/TCP\n"
                              "TargetPort:               80/TCP\n"
                              "Endpoints:                10.199.7.")));

  EXPECT_EQ(Out("kubectl autoscale deployment web --min=1 --max=4 --cpu=80%"),
            "horizontalpodautoscaler.autoscaling/web autoscaled\n");
  EXPECT_THAT(Out("kubectl get hpa web"),
              Like("NAME   REFERENCE        TARGETS              MINPODS   MAXPODS   REPLICAS   "
                   "AGE\nweb    Deployment/web   cpu: <unknown>/80%   1         4         "
                   "[01]          [0-9ms]+\n"));
  // It has no requests to measure the use by: said in upstream's words.
  Becomes("kubectl describe hpa web",
          AllOf(HasSubstr("Reference:                                             Deployment/web\n"
                          "Metrics:                                               ( current / "
                          "target )\n"),
                HasSubstr("  ScalingActive  False   FailedGetResourceMetric  the HPA was unable to "
                          "compute the replica count: failed to get cpu utilization: missing "
                          "request for cpu in container nginx of Pod web-"),
                HasSubstr("  Warning  FailedGetResourceMetric")));
}

TEST_F(KubectlRolloutTest, RevisionsArePutInPlaceTakenBackHeldUpAndTold) {
  ASSERT_NO_FATAL_FAILURE(StartCluster());
  (void)Out(std::string("kubectl create deployment web --replicas=2 --image=") + kNginx);
  RollsOut("deployment/web");
  EXPECT_EQ(Out("kubectl set image deployment/web nginx=docker.io/library/nginx:two"),
            "deployment.apps/web image updated\n");
  EXPECT_EQ(Err("kubectl set image deployment/web other=docker.io/library/nginx:two"),
            "error: unable to find container named \"other\"\n");
  RollsOut("deployment/web");
  EXPECT_EQ(Out("kubectl annotate deployment/web kubernetes.io/change-cause='the second image'"),
            "deployment.apps/web annotated\n");
  Becomes("kubectl rollout history deployment/web",
          Eq("deployment.apps/web \nREVISION  CHANGE-CAUSE\n1         <none>\n2         the second "
             "image\n\n"));
  EXPECT_THAT(Out("kubectl rollout history deployment/web --revision=2"),
              Like("deployment.apps/web with revision #2\nPod Template:\n"
                   "  Labels:\tapp=web\n\tpod-template-hash=[0-9a-z]+\n"
                   "  Annotations:\tkubernetes.io/change-cause: the second image\n"
                   "  Containers:\n   nginx:\n    Image:\tdocker.io/library/nginx:two\n"
                   "    Port:\t<none>\n    Host Port:\t<none>\n    Environment:\t<none>\n"
                   "    Mounts:\t<none>\n  Volumes:\t<none>\n  Node-Selectors:\t<none>\n"
                   "  Tolerations:\t<none>\n\n"));

  EXPECT_EQ(Out("kubectl rollout undo deployment/web"), "deployment.apps/web rolled back\n");
  RollsOut("deployment/web");
  EXPECT_EQ(Image(), kNginx);
  EXPECT_EQ(Err("kubectl rollout undo deployment/web --to-revision=99"),
            "error: unable to find specified revision 99 in history\n");
  EXPECT_EQ(Out("kubectl rollout undo deployment/web --to-revision=2"),
            "deployment.apps/web rolled back\n");
  RollsOut("deployment/web");
  EXPECT_EQ(Image(), "docker.io/library/nginx:two");

  const std::vector<std::string> before = Pods("app=web");
  EXPECT_EQ(Out("kubectl rollout restart deployment/web"), "deployment.apps/web restarted\n");
  RollsOut("deployment/web");
  Becomes("kubectl get pods -l app=web --no-headers | wc -l", Eq("2\n"));
  for (const std::string& pod : Pods("app=web")) EXPECT_THAT(before, Not(testing::Contains(pod)));

  // Held up: what is set becomes one new revision when it goes on.
  EXPECT_EQ(Out("kubectl rollout pause deployment/web"), "deployment.apps/web paused\n");
  EXPECT_EQ(Err("kubectl rollout pause deployment/web"),
            "error: deployments.apps \"web\" is already paused\n");
  EXPECT_EQ(Err("kubectl rollout restart deployment/web"),
            "error: deployments.apps \"web\" can't restart paused deployment (run rollout resume "
            "first)\n");
  EXPECT_EQ(Out("kubectl set env deployment/web COLOUR=blue"), "deployment.apps/web env updated\n");
  EXPECT_EQ(Out("kubectl set env deployment/web --list"),
            "# Deployment web, container nginx\nCOLOUR=blue\n");
  EXPECT_EQ(Out("kubectl set resources deployment/web -c nginx --requests=cpu=10m,memory=16Mi "
                "--limits=memory=128Mi"),
            "deployment.apps/web resource requirements updated\n");
  const std::string revisions = Out("kubectl rollout history deployment/web | grep -c '^[0-9]'");
  EXPECT_EQ(revisions, "3\n") << Out("kubectl rollout history deployment/web");
  EXPECT_EQ(Out("kubectl rollout resume deployment/web"), "deployment.apps/web resumed\n");
  RollsOut("deployment/web");
  EXPECT_EQ(Out("kubectl get pods -l app=web --field-selector=status.phase=Running -o "
                "jsonpath='{.items[0].spec.containers[0].env[0].value} "
                "{.items[0].spec.containers[0].resources.requests.cpu}'"),
            "blue 10m");

  // One that cannot become ready is told as long as one looks.
  EXPECT_EQ(Out("kubectl set image deployment/web nginx=docker.io/library/none:1"),
            "deployment.apps/web image updated\n");
  EXPECT_THAT(Err("kubectl rollout status deployment/web --timeout=2s"),
              HasSubstr("error: timed out waiting for the condition"));
  EXPECT_EQ(Out("kubectl get deployment web -o jsonpath={.status.availableReplicas}"), "2");
  Becomes("kubectl get pods -l app=web --no-headers",
          testing::ContainsRegex("web-[-0-9a-z]+ +0/1 +(ErrImagePull|ImagePullBackOff) "));
  EXPECT_EQ(Out("kubectl rollout undo deployment/web"), "deployment.apps/web rolled back\n");
  RollsOut("deployment/web");
}

TEST_F(KubectlRolloutTest, ASetOfDaemonsRollsToo) {
  ASSERT_NO_FATAL_FAILURE(StartCluster());
  EXPECT_EQ(
      Out("kubectl create -f -",
          "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: set}\nspec:\n  selector: "
          "{matchLabels: {app: set}}\n  template:\n    metadata: {labels: {app: set}}\n    "
          "spec:\n      terminationGracePeriodSeconds: 0\n      containers: [{name: c, image: "
          "\"docker.io/library/nginx:demo\"}]\n"),
      "daemonset.apps/set created\n");
  const auto rolls_out = [&] {
    EXPECT_THAT(Out("kubectl rollout status daemonset/set --timeout=200s"),
                testing::EndsWith("daemon set \"set\" successfully rolled out\n"));
  };
  rolls_out();
  EXPECT_EQ(Out("kubectl set image daemonset/set c=docker.io/library/nginx:two"),
            "daemonset.apps/set image updated\n");
  rolls_out();
  EXPECT_EQ(Out("kubectl rollout history daemonset/set"),
            "daemonset.apps/set \nREVISION  CHANGE-CAUSE\n1         <none>\n2         <none>\n\n");
  EXPECT_EQ(Out("kubectl rollout undo daemonset/set"), "daemonset.apps/set rolled back\n");
  rolls_out();
  EXPECT_EQ(Out("kubectl get daemonset set -o jsonpath={.spec.template.spec.containers[0].image}"),
            kNginx);
  EXPECT_EQ(Out("kubectl rollout restart daemonset/set"), "daemonset.apps/set restarted\n");
  rolls_out();
  Becomes("kubectl get daemonset set",
          Like("NAME   DESIRED   CURRENT   READY   UP-TO-DATE   AVAILABLE   NODE SELECTOR   AGE\n"
               "set    1         1         1       1            1           <none>          "
               "[0-9ms]+\n"));
}

}  // namespace
}  // namespace keelson::cluster_test
