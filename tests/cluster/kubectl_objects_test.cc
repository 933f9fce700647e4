// SPDX-License-Identifier: Apache-2.0
// kubectl apply, diff, edit, patch, replace, create and what asks about the API: and what it
// changes in what runs.
#include "lib/http/client/client.h"
#include "tests/cluster/kubectl_fixture.h"

namespace keelson::cluster_test {
namespace {

using ::testing::AllOf;
using ::testing::Eq;
using ::testing::HasSubstr;

class KubectlObjectsTest : public KubectlTest {
 protected:
  static std::string Web(const std::string& image, const std::string& colour) {
    return "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, labels: {app: web}}\nspec:"
           "\n  replicas: 1\n  selector: {matchLabels: {app: web}}\n  template:\n    metadata: "
           "{labels: {app: web}}\n    spec:\n      terminationGracePeriodSeconds: 0\n      "
           "containers:\n      - name: c\n        image: " +
           image + "\n        env: [{name: COLOUR, value: " + colour + "}]\n";
  }
  std::string Running(const std::string& path) {
    (void)Out("kubectl rollout status deployment/web --timeout=200s");
    Becomes("kubectl get pods -l app=web --no-headers | wc -l", Eq("1\n"));
    return Out("kubectl get pods -l app=web -o jsonpath='{.items[0].spec.containers[0]" + path +
               "}'");
  }
};

TEST_F(KubectlObjectsTest, WhatRunsFollowsWhatIsAppliedEditedPatchedAndReplaced) {
  ASSERT_NO_FATAL_FAILURE(StartCluster());
  Write("web.yaml", Web(kNginx, "red"));
  EXPECT_EQ(Out("kubectl apply -f web.yaml"), "deployment.apps/web created\n");
  EXPECT_EQ(Out("kubectl apply -f web.yaml"), "deployment.apps/web unchanged\n");
  EXPECT_EQ(Out("kubectl diff -f web.yaml"), "");
  EXPECT_EQ(Running(".env[0].value"), "red");
  Write("web.yaml", Web(kNginx, "blue"));
  const Told difference = Sh("kubectl diff -f web.yaml");
  EXPECT_EQ(difference.code, 1) << difference.err;
  EXPECT_THAT(difference.out, AllOf(HasSubstr("\n-          value: red\n+          value: blue\n"),
                                    HasSubstr("\n-  generation: 1\n+  generation: 2\n")));
  EXPECT_EQ(Out("kubectl apply -f web.yaml --dry-run=server"),
            "deployment.apps/web configured (server dry run)\n");
  EXPECT_EQ(Out("kubectl apply -f web.yaml"), "deployment.apps/web configured\n");
  EXPECT_EQ(Running(".env[0].value"), "blue");

  EXPECT_EQ(Out("KUBE_EDITOR='sed -i s/blue/green/' kubectl edit deployment web"),
            "deployment.apps/web edited\n");
  EXPECT_EQ(Running(".env[0].value"), "green");
  EXPECT_EQ(Sh("KUBE_EDITOR=true kubectl edit deployment web").err,
            "Edit cancelled, no changes made.\n");
  // What the server refuses is kept for the next attempt.
  EXPECT_THAT(
      Err("KUBE_EDITOR='sed -i s/replicas:.1/replicas:\\ -1/' kubectl edit deployment web"),
      AllOf(HasSubstr("error: deployments.apps \"web\" is invalid"),
            HasSubstr("A copy of your changes has been stored to \"" + Here("kubectl-edit-"))));

  EXPECT_EQ(Out("kubectl patch deployment web -p '{\"spec\":{\"template\":{\"spec\":{"
                "\"containers\":[{\"name\":\"c\",\"image\":\"docker.io/library/nginx:two\"}]}}}}'"),
            "deployment.apps/web patched\n");
  EXPECT_EQ(Running(".image"), "docker.io/library/nginx:two");
  EXPECT_EQ(Running(".env[0].value"), "green");
  EXPECT_EQ(Out("kubectl patch deployment web --type=json -p '[{\"op\":\"replace\",\"path\":"
                "\"/spec/template/spec/containers/0/env/0/value\",\"value\":\"grey\"}]'"),
            "deployment.apps/web patched\n");
  EXPECT_EQ(Running(".env[0].value"), "grey");
  EXPECT_EQ(Out("kubectl patch deployment web --type=merge -p '{\"spec\":{\"replicas\":1}}'"),
            "deployment.apps/web patched (no change)\n");
  EXPECT_EQ(Out("kubectl patch deployment web --subresource=scale --type=merge -p "
                "'{\"spec\":{\"replicas\":2}}'"),
            "scale.autoscaling/web patched\n");
  EXPECT_EQ(Out("kubectl get deployment web -o jsonpath={.spec.replicas}"), "2");
  EXPECT_EQ(Out("kubectl replace -f web.yaml"), "deployment.apps/web replaced\n");
  EXPECT_EQ(Running(".env[0].value"), "blue");
  EXPECT_EQ(Running(".image"), kNginx);

  // Server-side: two who say what they mean, a conflict, and one who insists.
  Write("theirs.yaml", Web("docker.io/library/nginx:two", "black"));
  EXPECT_THAT(
      Err("kubectl apply --server-side --field-manager=other -f theirs.yaml"),
      AllOf(HasSubstr("error: Apply failed with 2 conflicts: "),
            HasSubstr(".spec.template.spec.containers[name=\"c\"].env[name=\"COLOUR\"].value"),
            HasSubstr("* If you intend to manage all of these fields")));
  EXPECT_EQ(Out("kubectl apply --server-side --field-manager=other --force-conflicts -f "
                "theirs.yaml"),
            "deployment.apps/web serverside-applied\n");
  EXPECT_EQ(Running(".env[0].value"), "black");
  EXPECT_EQ(Out("kubectl replace --force -f web.yaml"),
            "deployment.apps \"web\" deleted from default namespace\ndeployment.apps/web "
            "replaced\n");
  EXPECT_EQ(Running(".env[0].value"), "blue");
  EXPECT_EQ(Out("kubectl delete -f web.yaml"),
            "deployment.apps \"web\" deleted from default namespace\n");
  EXPECT_TRUE(Eventually([&] { return IsGone(); }));
}

TEST_F(KubectlObjectsTest, JobsRunAndPodsSeeWhatWasCreatedForThem) {
  ASSERT_NO_FATAL_FAILURE(StartCluster());
  const std::string busybox = std::string(" --image=") + kBusybox;
  EXPECT_EQ(Out("kubectl create job once" + busybox + " -- echo done once"),
            "job.batch/once created\n");
  EXPECT_EQ(Out("kubectl wait --for=condition=Complete job/once --timeout=200s"),
            "job.batch/once condition met\n");
  EXPECT_THAT(Out("kubectl get job once"),
              Like("NAME   STATUS     COMPLETIONS   DURATION   AGE\n"
                   "once   Complete   1/1           [0-9ms]+ +[0-9ms]+\n"));
  Becomes("kubectl logs job/once", Eq("done once\n"));
  EXPECT_EQ(
      Out("kubectl create cronjob rare --schedule='0 0 1 1 *'" + busybox + " -- echo by hand"),
      "cronjob.batch/rare created\n");
  EXPECT_THAT(Out("kubectl get cronjob rare"),
              Like("NAME   SCHEDULE    TIMEZONE   SUSPEND   ACTIVE   LAST SCHEDULE   AGE\n"
                   "rare   0 0 1 1 \\*   <none>     False     0        <none>          "
                   "[0-9ms]+\n"));
  EXPECT_EQ(Out("kubectl create job now --from=cronjob/rare"), "job.batch/now created\n");
  EXPECT_EQ(Out("kubectl wait --for=condition=Complete job/now --timeout=200s"),
            "job.batch/now condition met\n");
  Becomes("kubectl logs job/now", Eq("by hand\n"));
  EXPECT_EQ(Out("kubectl delete job once now"),
            "job.batch \"once\" deleted from default namespace\njob.batch \"now\" deleted from "
            "default namespace\n");

  EXPECT_EQ(Out("kubectl create configmap words --from-literal=greeting=hello"),
            "configmap/words created\n");
  EXPECT_EQ(Out("kubectl create secret generic keys --from-literal=key=secret"),
            "secret/keys created\n");
  (void)Out(std::string("kubectl create deployment reader --image=") + kBusybox +
            " -- sleep 100000");
  EXPECT_EQ(Out("kubectl set env deployment/reader --from=configmap/words"),
            "deployment.apps/reader env updated\n");
  EXPECT_EQ(Out("kubectl set env deployment/reader --from=secret/keys --prefix=MY_"),
            "deployment.apps/reader env updated\n");
  (void)Out("kubectl rollout status deployment/reader --timeout=200s");
  EXPECT_EQ(Out("kubectl exec deployment/reader -- sh -c 'echo $GREETING $MY_KEY'"),
            "hello secret\n");
  EXPECT_EQ(Out("kubectl create serviceaccount robot"), "serviceaccount/robot created\n");
  EXPECT_EQ(Out("kubectl create rolebinding robot --clusterrole=view "
                "--serviceaccount=default:robot"),
            "rolebinding.rbac.authorization.k8s.io/robot created\n");
  EXPECT_EQ(Out("kubectl set serviceaccount deployment reader robot"),
            "deployment.apps/reader serviceaccount updated\n");
  EXPECT_EQ(Out("kubectl auth can-i list pods --as=system:serviceaccount:default:robot"), "yes\n");
  EXPECT_EQ(Sh("kubectl auth can-i delete pods --as=system:serviceaccount:default:robot").out,
            "no\n");
  EXPECT_EQ(Out("kubectl --kubeconfig=/dev/null --server=$(kubectl config view -o "
                "jsonpath={.clusters[0].cluster.server}) --insecure-skip-tls-verify "
                "--token=$(kubectl create token robot --duration=20m) auth whoami -o "
                "jsonpath={.status.userInfo.username}"),
            "system:serviceaccount:default:robot");
}

TEST_F(KubectlObjectsTest, TheApiTellsOfItselfAndIsProxied) {
  ASSERT_NO_FATAL_FAILURE(StartCluster());
  EXPECT_THAT(Out("kubectl api-resources --api-group=apps"),
              Eq("NAME                  SHORTNAMES   APIVERSION   NAMESPACED   KIND\n"
                 "controllerrevisions                apps/v1      true         "
                 "ControllerRevision\n"
                 "daemonsets            ds           apps/v1      true         DaemonSet\n"
                 "deployments           deploy       apps/v1      true         Deployment\n"
                 "replicasets           rs           apps/v1      true         ReplicaSet\n"
                 "statefulsets          sts          apps/v1      true         StatefulSet\n"));
  EXPECT_THAT(Out("kubectl api-versions"),
              AllOf(HasSubstr("\nmetrics.k8s.io/v1beta1\n"), testing::EndsWith("\nv1\n")));
  EXPECT_THAT(Out("kubectl explain pod.spec.nodeName"),
              testing::StartsWith("KIND:       Pod\nVERSION:    v1\n\nFIELD: nodeName "
                                  "<string>\n\n\nDESCRIPTION:\n    "));
  EXPECT_THAT(Out("kubectl cluster-info"), HasSubstr("is running at "));
  EXPECT_EQ(Out("kubectl get --raw /readyz"), "ok");
  EXPECT_THAT(Out("kubectl version"),
              AllOf(HasSubstr("Client Version: v1.35."), HasSubstr("\nServer Version: v1.")));

  EXPECT_EQ(Out(std::string("kubectl run web --labels=app=web --port=8080 --expose --image=") +
                kBusybox + " -- httpd -f -p 8080 -h /etc"),
            "service/web created\npod/web created\n");
  (void)Out("kubectl wait --for=condition=Ready pod/web --timeout=200s");
  Session proxy = Start("kubectl proxy --port=0");
  ASSERT_TRUE(proxy.Says("Starting to serve on 127.0.0.1:")) << proxy.said();
  ASSERT_TRUE(proxy.Says("\n"));
  const std::string port = proxy.said().substr(proxy.said().rfind(':') + 1,
                                               proxy.said().size() - 2 - proxy.said().rfind(':'));
  const std::string base = "http://127.0.0.1:" + port + "/api/v1/namespaces/default/";
  for (const char* path : {"pods/web:8080/proxy/motd", "pods/web/proxy/motd"}) {
    const auto answer = http::Client().PerformToString({.url = base + path}, size_t{1} << 20);
    ASSERT_TRUE(answer.ok()) << answer.error().message();
    EXPECT_THAT(answer->second, HasSubstr("Keelson demo image: busybox")) << path;
  }
  EXPECT_TRUE(Eventually([&] {
    const auto answer = http::Client().PerformToString(
        {.url = base + "services/web:8080/proxy/motd"}, size_t{1} << 20);
    return answer.ok() && answer->second.find("Keelson demo image") != std::string::npos;
  }));
}

}  // namespace
}  // namespace keelson::cluster_test
