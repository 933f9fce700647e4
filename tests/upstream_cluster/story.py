# SPDX-License-Identifier: Apache-2.0
"""What a node does in a cluster, as cases that know nothing of whose node or whose control plane it is: each function takes the Parts."""
import os
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request

from parts import NODE, Failed

root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def check(true, what):
    if not true:
        raise Failed(what)


def condition(thing, name):
    return next((c["status"] for c in thing.get("status", {}).get("conditions", []) if c["type"] == name), None)


def deployment(p, name, replicas):
    """examples/web.yaml's pod, several times."""
    pod = p.json("create", "--dry-run=client", "-f", os.path.join(root, "examples/web.yaml"))
    pod["spec"]["terminationGracePeriodSeconds"] = 1
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
            "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}},
                     "template": {"metadata": {"labels": {"app": name}}, "spec": pod["spec"]}}}


def processes(beginning):
    """Of this process namespace, by their command lines."""
    found = []
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{process}/cmdline") as file:
                if file.read().startswith(beginning):
                    found.append(int(process))
        except OSError:
            pass
    return found


def pods(p, selector="app=web"):
    return p.json("get", "pods", "-l", selector)["items"]


def the_node_is_ready(p):
    p.until(lambda: condition(p.json("get", "node", NODE), "Ready") == "True", "the node is Ready")
    node = p.json("get", "node", NODE)
    status = node["status"]
    check({"type": "InternalIP", "address": "10.199.0.1"} in status["addresses"], f"addresses {status['addresses']}")
    for name in ("MemoryPressure", "DiskPressure", "PIDPressure"):
        check(condition(node, name) == "False", f"{name} is {condition(node, name)}")
    for amount in ("cpu", "memory", "pods", "ephemeral-storage"):
        check(amount in status["capacity"] and amount in status["allocatable"], f"no {amount} in {status['capacity']}, {status['allocatable']}")
    check(status["daemonEndpoints"]["kubeletEndpoint"]["Port"] == 10250, "its port is not told")
    check(node["metadata"]["labels"]["kubernetes.io/hostname"] == NODE, f"labels {node['metadata']['labels']}")
    check(not [t for t in node["spec"].get("taints", []) if t["effect"] == "NoExecute"], f"taints {node['spec'].get('taints')}")


def lease(p):
    return p.json("get", "lease", NODE, "-n", "kube-node-lease")


def its_lease_is_there(p):
    p.first_lease = p.until(lambda: lease(p), "the lease is there")
    spec = p.first_lease["spec"]
    check(spec["holderIdentity"] == NODE and spec["leaseDurationSeconds"] == 40, f"{spec}")


def its_lease_is_renewed(p):
    p.until(lambda: lease(p)["spec"]["renewTime"] > p.first_lease["spec"]["renewTime"], "the lease is renewed")
    owner = lease(p)["metadata"]["ownerReferences"][0]
    check(owner["kind"] == "Node" and owner["uid"] == p.json("get", "node", NODE)["metadata"]["uid"], f"{owner}")


def a_deployment_runs(p):
    p.apply(deployment(p, "web", 2))
    p.until(lambda: p.json("get", "deployment", "web")["status"].get("readyReplicas") == 2, "two replicas are ready")
    for pod in pods(p):
        check(pod["status"]["phase"] == "Running" and pod["spec"]["nodeName"] == NODE, f"{pod['status']}")
        check(condition(pod, "Ready") == "True" and condition(pod, "ContainersReady") == "True", f"{pod['status']}")
        check(pod["status"]["podIP"] and pod["status"]["hostIP"] == "10.199.0.1", f"{pod['status']}")
        check(pod["status"]["qosClass"] == "Burstable", pod["status"]["qosClass"])
        check(all(c["ready"] and c["started"] and c["state"].get("running") and c["containerID"] for c in pod["status"]["containerStatuses"]),
              f"{pod['status']['containerStatuses']}")


def page(address):
    with urllib.request.urlopen(f"http://{address}/index.html", timeout=3) as answer:
        return answer.read().decode()


def a_service_answers_by_its_address(p):
    p.kubectl("expose", "deployment", "web", "--port=80", "--target-port=http")
    address = p.json("get", "service", "web")["spec"]["clusterIP"]
    seen = set()

    def both():
        seen.update(re.findall(r"written by (\S+)", page(address)))
        return seen == {pod["metadata"]["name"] for pod in pods(p)}
    p.until(both, f"both pods answer at {address}")
    p.first_slices = slices(p)


def pods_reach_it_too(p):
    address = p.json("get", "service", "web")["spec"]["clusterIP"]
    pod = pods(p)[0]["metadata"]["name"]
    p.until(lambda: "written by" in p.kubectl("exec", pod, "-c", "writer", "--", "wget", "-q", "-O", "-", f"http://{address}/index.html"),
            f"{pod} reaches {address}")


def names_are_resolved(p):
    pod = pods(p)[0]["metadata"]["name"]
    for name in ("web", "web.default", "web.default.svc.cluster.local"):
        p.until(lambda: "written by" in p.kubectl("exec", pod, "-c", "writer", "--", "wget", "-q", "-O", "-", f"http://{name}/index.html"),
                f"{pod} reaches {name}")


def logs_are_told(p):
    pod = pods(p)[0]["metadata"]["name"]
    p.until(lambda: f"written by {pod}" in p.kubectl("logs", pod, "-c", "writer", "--tail=3"), "logs")
    stamped = p.kubectl("logs", "deployment/web", "-c", "writer", "--timestamps", "--tail=1")
    check(re.match(r"20\d\d-\d\d-\d\dT\S+Z Hello from Keelson", stamped), stamped)


def commands_are_run(p):
    pod = pods(p)[0]["metadata"]["name"]
    for sockets in ("true", "false"):
        os.environ["KUBECTL_REMOTE_COMMAND_WEBSOCKETS"] = sockets
        check(p.kubectl("exec", pod, "-c", "writer", "--", "hostname").strip() == pod, "hostname")
        check(p.kubectl("exec", "-i", pod, "-c", "writer", "--", "cat", stdin="to and fro\n") == "to and fro\n", "stdin")
        check("exit code 7" in p.kubectl("exec", pod, "-c", "writer", "--", "sh", "-c", "exit 7", fails=True), "exit code")


def ports_are_forwarded(p):
    pod = pods(p)[0]["metadata"]["name"]
    forwarding = subprocess.Popen([p.programs["kubectl"], "port-forward", pod, ":80"], stdout=subprocess.PIPE, text=True, env=p.kubectl_environment())
    try:
        port = re.search(r"127.0.0.1:(\d+)", forwarding.stdout.readline())[1]
        check(f"written by {pod}" in page("127.0.0.1:" + port), "the page")
    finally:
        forwarding.kill()
        forwarding.communicate()


def its_account_is_there(p):
    """What a pod gets of its cluster: token, authority, namespace, the API's address."""
    pod = pods(p)[0]["metadata"]["name"]
    said = p.kubectl("exec", pod, "-c", "writer", "--", "sh", "-c",
                     "cd /var/run/secrets/kubernetes.io/serviceaccount && cat namespace && grep -c BEGIN ca.crt && wc -c <token; env")
    check(re.match(r"default\n?1\n\d{3,}", said), said)
    check("KUBERNETES_SERVICE_HOST=10.43.0.1" in said and "WEB_SERVICE_PORT" not in said, said)


def slices(p):
    return {s["metadata"]["uid"] for s in p.json("get", "endpointslices", "-l", "kubernetes.io/service-name=web")["items"]}


def its_slices_are_left_alone(p):
    """None is made anew while the pods are the same, over all that was asked in between."""
    now = slices(p)
    check(len(now) == 1 and now == p.first_slices, f"{p.first_slices}, then {now}")


def events_tell_of_it(p):
    def reasons():
        found = {}
        for event in p.json("get", "events")["items"]:
            found.setdefault(event["involvedObject"]["kind"], set()).add(event["reason"])
        return found
    p.until(lambda: {"Scheduled", "Pulled", "Created", "Started"} <= reasons().get("Pod", set()) and "ScalingReplicaSet" in reasons().get("Deployment", set()),
            "the pods' events")
    described = p.kubectl("describe", "pod", pods(p)[0]["metadata"]["name"])
    check("Started" in described and re.search(r"^\s+Ready\s+True", described, re.M), described)


def what_is_killed_is_restarted(p):
    """The first nginx's master process, from outside."""
    def restarts(name):
        return sum(c["restartCount"] for pod in pods(p) for c in pod["status"]["containerStatuses"] if c["name"] == name and c["ready"])
    os.kill(min(processes("nginx: master")), signal.SIGKILL)
    p.until(lambda: restarts("nginx") == 1 and p.json("get", "deployment", "web")["status"].get("readyReplicas") == 2, "the container is restarted")
    check(restarts("writer") == 0, "the other container was touched too")


def a_pod_that_ends_is_told(p):
    p.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "once"},
             "spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "docker.io/library/busybox:demo",
                                                                "command": ["sh", "-c", "echo the last words; exit 3"]}]}})
    p.until(lambda: p.json("get", "pod", "once")["status"]["phase"] == "Failed", "the pod fails")
    ended = p.json("get", "pod", "once")["status"]["containerStatuses"][0]["state"]["terminated"]
    check(ended["exitCode"] == 3 and ended["reason"] == "Error", f"{ended}")
    check(p.kubectl("logs", "once") == "the last words\n", "its log")
    p.kubectl("delete", "pod", "once")


def an_endpoint_that_goes_is_refused(p):
    address = p.json("get", "service", "web")["spec"]["clusterIP"]
    p.kubectl("scale", "deployment", "web", "--replicas=0")

    def refused():
        try:
            page(address)
        except urllib.error.URLError as error:
            return isinstance(error.reason, ConnectionRefusedError)
        return False
    p.until(refused, "the service without endpoints refuses")
    p.until(lambda: not pods(p), "its pods are gone")


def grace_is_given(p):
    """The container ends at once after two seconds of its thirty, and its object with it."""
    p.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "slow"},
             "spec": {"terminationGracePeriodSeconds": 30, "containers": [{
                 "name": "c", "image": "docker.io/library/busybox:demo",
                 "command": ["sh", "-c", "trap 'echo asked; sleep 2; echo done; exit 0' TERM; echo up; while :; do sleep 0.1; done"]}]}})
    p.until(lambda: "up" in p.kubectl("logs", "slow"), "it is up")
    log = subprocess.Popen([p.programs["kubectl"], "logs", "-f", "slow"], stdout=subprocess.PIPE, text=True,
                           env=p.kubectl_environment())
    begin = time.monotonic()
    p.kubectl("delete", "pod", "slow", "--wait=false")
    check(p.json("get", "pod", "slow")["metadata"]["deletionGracePeriodSeconds"] == 30, "its grace")
    p.until(lambda: not p.json("get", "pods")["items"], "the pod is gone")
    check(time.monotonic() - begin >= 2, "it did not get its grace")
    said = log.communicate(timeout=60)[0]
    check(said == "up\nasked\ndone\n", f"its log: {said!r}")


def all_goes(p):
    p.kubectl("delete", "service", "web")
    p.kubectl("delete", "deployment", "web")
    p.until(lambda: not p.json("get", "pods,replicasets,endpointslices", "-l", "app=web")["items"], "what it owned goes")


CASES = (the_node_is_ready, its_lease_is_there, a_deployment_runs, a_service_answers_by_its_address, pods_reach_it_too, names_are_resolved,
         logs_are_told, commands_are_run, ports_are_forwarded, its_account_is_there, its_slices_are_left_alone, events_tell_of_it,
         what_is_killed_is_restarted, a_pod_that_ends_is_told, an_endpoint_that_goes_is_refused,
         grace_is_given, all_goes, its_lease_is_renewed)
