# SPDX-License-Identifier: Apache-2.0
"""What controllers do, as kubectl sees it. Nodes have no room, so no pod gets one: the test says what a kubelet would."""
import json

from kubectl import deployment, has

READY = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}]}


def report(k, name, status):
    # It may be gone by now.
    k("patch", "pod", name, "--subresource=status", "-p", json.dumps({"status": status}), fails=None)


def is_ready(pod):
    return any(one["type"] == "Ready" and one["status"] == "True" for one in pod.get("status", {}).get("conditions", []))


def serve(k, app, true, what):
    """Makes pods of `app` ready until it is true."""
    def step():
        for pod in k.json("get", "pods", "-l", f"app={app}")["items"]:
            if not is_ready(pod):
                report(k, pod["metadata"]["name"], READY)
        return true()
    k.until(step, what)


def rolled_out(k, kind, name):
    return lambda: "successfully rolled out" in k("rollout", "status", f"{kind}/{name}", "--watch=false", fails=None)


def images(k, app):
    return {pod["spec"]["containers"][0]["image"] for pod in k.json("get", "pods", "-l", f"app={app}")["items"]}


def rolling_deployment(k):
    k("create", "deployment", "roll", "--image=one", "--replicas=3")
    serve(k, "roll", rolled_out(k, "deployment", "roll"), "the first rollout")
    has(k("get", "deployment", "roll"), "3/3")
    k("scale", "deployment/roll", "--replicas=4")
    serve(k, "roll", lambda: "4/4" in k("get", "deployment", "roll"), "four pods")
    k("set", "image", "deployment/roll", "*=two")
    serve(k, "roll", rolled_out(k, "deployment", "roll"), "the second rollout")
    assert images(k, "roll") == {"two"}
    k("rollout", "undo", "deployment/roll")
    serve(k, "roll", rolled_out(k, "deployment", "roll"), "going back")
    assert images(k, "roll") == {"one"}
    history = k("rollout", "history", "deployment/roll").split()
    assert "2" in history and "3" in history and "1" not in history, history
    k("rollout", "pause", "deployment/roll")
    k("set", "image", "deployment/roll", "*=three")
    k("rollout", "resume", "deployment/roll")
    serve(k, "roll", rolled_out(k, "deployment", "roll"), "the rollout that was paused")
    assert images(k, "roll") == {"three"}
    k("rollout", "restart", "deployment/roll")
    serve(k, "roll", rolled_out(k, "deployment", "roll"), "the restart")
    k.until(lambda: "ScalingReplicaSet" in k("describe", "deployment", "roll"), "events of the rollouts")
    k("delete", "deployment", "roll")
    k.until(lambda: not k.json("get", "pods,rs", "-l", "app=roll")["items"], "everything of it gone")


def stuck_deployment(k):
    manifest = deployment("stuck", replicas=1)
    manifest["spec"]["progressDeadlineSeconds"] = 1
    k.create(manifest)
    k.until(lambda: "exceeded its progress deadline" in k("rollout", "status", "deployment/stuck", "--watch=false", fails=None, told=True)
            or "ProgressDeadlineExceeded" in k("get", "deployment", "stuck", "-o", "yaml"), "the deadline")
    k("delete", "deployment", "stuck")


def job(k):
    k.create({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "sum"},
              "spec": {"completions": 3, "parallelism": 2, "completionMode": "Indexed",
                       "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "x"}]}}}})

    def step():
        for pod in k.json("get", "pods", "-l", "job-name=sum")["items"]:
            report(k, pod["metadata"]["name"], {"phase": "Succeeded"})
        return "3/3" in k("get", "job", "sum")
    k.until(step, "three that succeeded")
    k("wait", "--for=condition=complete", "job/sum", "--timeout=60s")
    assert k.json("get", "job", "sum")["status"]["completedIndexes"] == "0-2"
    k("delete", "job", "sum")
    k.until(lambda: not k.json("get", "pods", "-l", "job-name=sum")["items"], "its pods gone")


def daemon_set(k):
    nodes = [f"{k.ns}-daemon-{i}" for i in range(5)]
    k.create(*[{"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": {"daemons": k.ns}}} for name in nodes])
    template = {"metadata": {"labels": {"app": "log"}},
                "spec": {"nodeSelector": {"daemons": k.ns}, "tolerations": [{"operator": "Exists"}], "containers": [{"name": "c", "image": "one"}]}}
    k.create({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "log"},
              "spec": {"selector": {"matchLabels": {"app": "log"}}, "template": template}})
    serve(k, "log", rolled_out(k, "daemonset", "log"), "a pod on each node")
    assert len(k.json("get", "pods", "-l", "app=log")["items"]) == 5
    k("set", "image", "daemonset/log", "c=two")
    serve(k, "log", rolled_out(k, "daemonset", "log"), "the update")
    assert images(k, "log") == {"two"}
    has(k("rollout", "history", "daemonset/log", "--revision=1"), "one")
    k("rollout", "undo", "daemonset/log")
    serve(k, "log", rolled_out(k, "daemonset", "log"), "going back")
    assert images(k, "log") == {"one"}
    k("delete", "daemonset", "log")
    k("delete", "node", *nodes)


CASES = {"deployments that roll": rolling_deployment, "a rollout that hangs": stuck_deployment, "jobs": job, "daemon sets": daemon_set}
