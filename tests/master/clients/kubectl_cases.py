# SPDX-License-Identifier: Apache-2.0
"""Commands that look: get, describe, explain, diff, wait, auth and what asks about the cluster."""
import json
import threading
import urllib.request

from kubectl import config_map, deployment, has, node, pod


def get(k):
    k.create(config_map("g-b", {"k": "2"}, {"set": "g"}), config_map("g-a", {"k": "1"}, {"set": "g"}), pod("g-pod", {"set": "g"}))
    has(k("get", "configmaps"), "NAME", "DATA", "AGE", "g-a")
    has(k("get", "pods", "-o", "wide"), "READY", "STATUS", "NOMINATED NODE", "READINESS GATES")
    has(k("get", "pods", "-A"), "NAMESPACE", k.ns)
    has(k("get", "cm", "g-a", "-o", "yaml"), "kind: ConfigMap", 'k: "1"')
    assert k.json("get", "cm", "g-b")["data"] == {"k": "2"}
    assert k("get", "cm", "-l", "set=g", "-o", "name").split() == ["configmap/g-a", "configmap/g-b"]
    assert k("get", "cm", "-l", "set in (x,y)", "-o", "name") == ""
    assert k("get", "cm", "--field-selector", "metadata.name=g-b", "-o", "name").split() == ["configmap/g-b"]
    assert k("get", "pods", "--field-selector", "status.phase!=Running", "-l", "set=g", "-o", "name").split() == ["pod/g-pod"]
    has(k("get", "cm", "--field-selector", "data.k=1", fails=True), "is not a known field selector")
    lines = k("get", "cm", "-l", "set=g", "--sort-by", ".data.k", "--no-headers").splitlines()
    assert [line.split()[0] for line in lines] == ["g-a", "g-b"], lines
    assert k("get", "cm", "-l", "set=g", "--sort-by", "{.data.k}", "-o", "jsonpath={.items[*].data.k}") == "1 2"
    assert k("get", "cm", "g-a", "-o", "custom-columns=N:.metadata.name", "--no-headers").strip() == "g-a"
    has(k("get", "cm", "-l", "set=g", "--show-labels"), "set=g")
    has(k("get", "cm", "nope", fails=True), 'Error from server (NotFound): configmaps "nope" not found')
    has(k("get", "cm", "--chunk-size=1", "-l", "set=g"), "g-a", "g-b")


def get_all(k):
    k.create(deployment("ga"))
    has(k("get", "all"), "deployment.apps/ga", "UP-TO-DATE")


def get_raw(k):
    assert json.loads(k("get", "--raw", f"/api/v1/namespaces/{k.ns}"))["metadata"]["name"] == k.ns
    assert k("get", "--raw", "/readyz") == "ok"


def get_subresource(k):
    k.create(deployment("gs", replicas=0))
    has(k("get", "deployment", "gs", "--subresource=scale"), "DESIRED", "AVAILABLE")
    assert k.json("get", "deployment", "gs", "--subresource=scale")["kind"] == "Scale"
    assert k.json("get", "deployment", "gs", "--subresource=status")["kind"] == "Deployment"


def read_until(process, mark, lines):
    for line in process.stdout:
        lines.append(line)
        if mark in line:
            return
    raise AssertionError(f"{mark!r} is not in what was watched: {''.join(lines)}")


def get_watch(k):
    k.create(config_map("w-a", labels={"set": "w"}))
    process, lines = k.start("get", "cm", "-l", "set=w", "-w"), []
    try:
        read_until(process, "w-a", lines)
        k.create(config_map("w-b", labels={"set": "w"}))
        read_until(process, "w-b", lines)
    finally:
        process.kill()
        process.communicate()
    process = k.start("get", "cm", "-l", "set=w", "--watch-only", "-o", "name")
    try:
        seen = []
        reader = threading.Thread(target=lambda: seen.append(process.stdout.readline()))
        reader.start()
        turns = iter(range(1000))

        def touched():  # until the watch is there to see it
            k("label", "cm", "w-b", f"again={next(turns)}", "--overwrite")
            return not reader.is_alive()
        k.until(touched, "an event")
        has(seen[0], "configmap/w-b")
    finally:
        process.kill()
        process.communicate()


def get_pod_watch(k):
    k.create(pod("wp"))
    process, lines = k.start("get", "pod", "wp", "-w"), []
    try:
        read_until(process, "wp", lines)
        k("delete", "pod", "wp", "--now")
        read_until(process, "wp", lines)
    finally:
        process.kill()
        process.communicate()


def describe(k):
    name = f"describe-{k.ns}"
    k.create(pod("d-pod", nodeName=name), deployment("d-deploy"), config_map("d-cm", {"k": "v"}), node(name),
             {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "d-svc"}, "spec": {"ports": [{"port": 80}], "selector": {"a": "b"}}})
    has(k("describe", "pod", "d-pod"), "Name:", "d-pod", "Image:", "nginx:1", "QoS Class:", "BestEffort")
    has(k("describe", "node", name), "Taints:", "Non-terminated Pods:", "d-pod")
    has(k("describe", "deployment", "d-deploy"), "StrategyType:", "RollingUpdate")
    has(k("describe", "svc", "d-svc"), "Type:", "ClusterIP", "IP Families:")
    has(k("describe", "cm", "d-cm"), "Data", "k:")
    has(k("describe", "namespace", k.ns), "Active")
    k("delete", "node", name)


def events(k):
    k.create(pod("e-pod"))
    uid = k.json("get", "pod", "e-pod")["metadata"]["uid"]
    k.create({"apiVersion": "v1", "kind": "Event", "metadata": {"name": "e-1"}, "type": "Normal", "reason": "Tested", "message": "so it is", "count": 1,
              "involvedObject": {"apiVersion": "v1", "kind": "Pod", "name": "e-pod", "namespace": k.ns, "uid": uid},
              "lastTimestamp": "2026-01-01T00:00:00Z", "firstTimestamp": "2026-01-01T00:00:00Z", "source": {"component": "test"}})
    has(k("events", "--for", "pod/e-pod"), "Tested", "so it is")
    has(k("get", "events"), "Tested", "pod/e-pod")
    has(k("describe", "pod", "e-pod"), "Tested")


def explain(k):
    has(k("explain", "pod.spec.containers.image"), "KIND:", "Pod", "FIELD: image <string>", "DESCRIPTION:", "A tag or digest says which version")
    has(k("explain", "deployment"), "GROUP:", "apps", "spec\t<DeploymentSpec>")
    has(k("explain", "pod.spec", "--recursive"), "containers\t<[]Container>")
    has(k("explain", "hpa", "--api-version=autoscaling/v2"), "VERSION:", "v2")
    has(k("explain", "deployment.spec.replicas", "--output=plaintext-openapiv2"), "FIELD:", "replicas <integer>")
    has(k("explain", "pod.nope", fails=True), 'field "nope" does not exist')


def api_resources(k):
    has(k("api-resources"), "deployments", "apps/v1", "configmaps")
    assert "pods" in k("api-resources", "--namespaced=true", "--verbs=list,get", "-o", "name").split()
    has(k("api-versions"), "apps/v1", "v1", "rbac.authorization.k8s.io/v1")


def version(k):
    told = k.json("version")
    assert told["serverVersion"]["gitVersion"].startswith("v1."), told
    has(k("cluster-info"), "Kubernetes control plane", "is running at")


def auth(k):
    assert k("auth", "can-i", "create", "pods").strip() == "yes"
    has(k("auth", "can-i", "create", "pods", "--as=joe", fails=True), "no")
    has(k("auth", "can-i", "--list", "--as=joe"), "selfsubjectreviews")
    has(k("auth", "whoami"), "system:masters")
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "a-role", "namespace": k.ns},
            "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]}
    has(k("auth", "reconcile", "-f", k.file("role.json", role)), "role.rbac.authorization.k8s.io/a-role reconciled")
    role["rules"][0]["verbs"] = ["get", "list"]
    has(k("auth", "reconcile", "-f", k.file("role.json", role), told=True), "missing rules added")
    k("create", "rolebinding", "a-binding", "--role=a-role", "--user=joe")
    k.until(lambda: k("auth", "can-i", "list", "pods", "--as=joe", fails=None).strip() == "yes", "the role counts")


def impersonate(k):
    has(k("get", "secrets", "--as=ann", "--as-group=dev", fails=True),
        f'secrets is forbidden: User "ann" cannot list resource "secrets" in API group "" in the namespace "{k.ns}"')


def diff(k):
    manifest = config_map("diff", {"k": "1"})
    k("apply", "-f", k.file("diff.json", manifest))
    k("diff", "-f", k.file("diff.json", manifest))
    manifest["data"]["k"] = "2"
    has(k("diff", "-f", k.file("diff.json", manifest), fails=True), '-  k: "1"', '+  k: "2"')
    assert k.json("get", "cm", "diff")["data"] == {"k": "1"}


def wait(k):
    k.create(pod("wait"))
    process = k.start("wait", "pod/wait", "--for=jsonpath={.status.phase}=Running", "--timeout=60s")
    try:
        k("patch", "pod", "wait", "--subresource=status", "--type=merge", "-p", '{"status":{"phase":"Running"}}')
        has(process.communicate(timeout=60)[0], "pod/wait condition met")
    finally:
        process.kill()
    process = k.start("wait", "pod/wait", "--for=delete", "--timeout=60s")
    try:
        k("delete", "pod", "wait", "--now")
        out = process.communicate(timeout=60)[0]
        assert process.returncode == 0, out
    finally:
        process.kill()
    k.create(config_map("wait"))
    has(k("wait", "cm/wait", "--for=jsonpath={.data.k}=v", "--timeout=1s", fails=True), "timed out waiting")


def top(k):
    has(k("top", "nodes", fails=True), "etrics")


def local(k):
    k.file("kustomization.yaml", "configMapGenerator:\n- name: kz\n  literals: [a=b]\n")
    has(k("kustomize", "."), "kind: ConfigMap")
    k("apply", "-k", ".")
    has(k("config", "view"), "clusters:")
    has(k("config", "current-context"), "")
    has(k("completion", "bash"), "kubectl")
    has(k("options"), "--namespace")


def proxy(k):
    process = k.start("proxy", "--port=0")
    try:
        address = process.stdout.readline().split()[-1]
        with urllib.request.urlopen(f"http://{address}/api/v1/namespaces/{k.ns}", timeout=60) as answer:
            assert json.load(answer)["metadata"]["name"] == k.ns
    finally:
        process.kill()
        process.communicate()


CASES = {"get": get, "get all": get_all, "get --raw": get_raw, "get --subresource": get_subresource, "get --watch": get_watch,
         "get pod --watch": get_pod_watch, "describe": describe, "events": events, "explain": explain, "api-resources, api-versions": api_resources,
         "version, cluster-info": version, "auth can-i, whoami, reconcile": auth, "get --as": impersonate, "diff": diff, "wait": wait, "top": top,
         "config, kustomize, completion": local, "proxy": proxy}
