# SPDX-License-Identifier: Apache-2.0
"""Commands that change something."""
import json

from kubectl import config_map, deployment, has, node, pod


def create_by_generators(k):
    for words in (("configmap", "c-cm", "--from-literal=a=b"), ("secret", "generic", "c-secret", "--from-literal=a=b"),
                  ("deployment", "c-deploy", "--image=nginx:1", "--replicas=0"), ("job", "c-job", "--image=busybox", "--", "true"),
                  ("cronjob", "c-cron", "--image=busybox", "--schedule=0 0 1 1 *", "--", "true"), ("serviceaccount", "c-sa"),
                  ("role", "c-role", "--verb=get", "--resource=pods"), ("rolebinding", "c-rb", "--role=c-role", "--serviceaccount=default:default"),
                  ("quota", "c-quota", "--hard=count/secrets=100"), ("ingress", "c-ingress", "--rule=a.example/x=svc:80"),
                  ("poddisruptionbudget", "c-pdb", "--selector=app=never", "--min-available=1"), ("service", "clusterip", "c-svc", "--tcp=80:8080"),
                  ("service", "nodeport", "c-np", "--tcp=80"), ("service", "externalname", "c-ext", "--external-name=example.com")):
        has(k("create", *words), " created")
    has(k("create", "secret", "tls", "x", "--cert=/nope", "--key=/nope", fails=True), "nope")
    assert k.json("get", "secret", "c-secret")["data"] == {"a": "Yg=="}
    assert k.json("get", "cronjob", "c-cron")["spec"]["schedule"] == "0 0 1 1 *"
    for kind, words in (("clusterrole", ("--verb=get", "--resource=nodes")), ("clusterrolebinding", ("--clusterrole=view", "--user=joe")),
                        ("priorityclass", ("--value=7",)), ("namespace", ())):
        has(k("create", kind, f"c-{k.ns}", *words), " created")
        has(k("delete", kind, f"c-{k.ns}", "--wait=false"), " deleted")
    has(k("create", "job", "c-now", "--from=cronjob/c-cron"), "job.batch/c-now created")
    has(k("create", "configmap", "c-cm", fails=True), 'configmaps "c-cm" already exists')
    has(k("create", "configmap", "c-dry", "--dry-run=server"), "created (server dry run)")
    assert k("get", "cm", "c-dry", "--ignore-not-found") == ""


def create_from_files(k):
    has(k("create", "-f", k.file("f.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: f-yaml}\ndata: {a: b}\n")), "configmap/f-yaml created")
    has(k("create", "-f", "-", stdin=json.dumps({**config_map("f-bad"), "nope": 1}), fails=True), "strict decoding error", 'unknown field "nope"')
    has(k("create", "-f", "-", "--validate=warn", stdin=json.dumps({**config_map("f-warn"), "nope": 1})), "configmap/f-warn created")
    has(k("create", "-f", "-", "--validate=false", stdin=json.dumps({**config_map("f-any"), "nope": 1})), "configmap/f-any created")


def create_token(k):
    token = k("create", "token", "default", "--duration=10m").strip()
    assert token.count(".") == 2, token
    has(k("auth", "whoami", "--token", token, "--kubeconfig", without_user(k)), f"system:serviceaccount:{k.ns}:default")


def without_user(k):
    """A kubeconfig with nobody's certificate."""
    whole = json.loads(k("config", "view", "--raw", "--flatten", "-o", "json"))
    for user in whole["users"]:
        user["user"] = {}
    return k.file("nobody.kubeconfig", whole)


def apply(k):
    manifest = deployment("ap")
    has(k("apply", "-f", k.file("ap.json", manifest)), "deployment.apps/ap created")
    has(k("apply", "-f", k.file("ap.json", manifest)), "unchanged")
    manifest["spec"]["template"]["spec"]["containers"][0]["image"] = "nginx:2"
    has(k("apply", "-f", k.file("ap.json", manifest), "--dry-run=server"), "configured (server dry run)")
    has(k("apply", "-f", k.file("ap.json", manifest)), "configured")
    assert k.json("get", "deployment", "ap")["spec"]["template"]["spec"]["containers"][0]["image"] == "nginx:2"
    has(k("apply", "view-last-applied", "deployment/ap"), "nginx:2")
    k("create", "cm", "ap-set")
    has(k("apply", "set-last-applied", "-f", k.file("set.json", config_map("ap-set")), "--create-annotation"), "configured")


def apply_prune(k):
    items = [config_map(name, labels={"prune": "y"}) for name in ("pr-a", "pr-b")]
    k("apply", "-f", k.file("prune.json", {"apiVersion": "v1", "kind": "List", "items": items}))
    out = k("apply", "--prune", "-l", "prune=y", "-f", k.file("prune.json", items[0]))
    has(out, "configmap/pr-b pruned")


def apply_server_side(k):
    manifest = config_map("ss", {"a": "1"})
    out = k("apply", "--server-side", "-f", k.file("ss.json", manifest))
    has(out, "configmap/ss serverside-applied")
    owners = [m["manager"] for m in k.json("get", "cm", "ss", "--show-managed-fields")["metadata"]["managedFields"]]
    assert "kubectl" in owners, owners
    manifest["data"]["a"] = "2"
    has(k("apply", "--server-side", "--field-manager=other", "-f", k.file("ss.json", manifest), fails=True), "conflict")
    has(k("apply", "--server-side", "--field-manager=other", "--force-conflicts", "-f", k.file("ss.json", manifest)), "serverside-applied")


def edit(k):
    k.create(config_map("ed", {"a": "before"}))
    script = k.file("edit.sh", '#!/bin/sh\nsed -i "s/before/after/" "$1"\n')
    has(k("edit", "cm", "ed", environment={"KUBE_EDITOR": "sh " + script}), "configmap/ed edited")
    assert k.json("get", "cm", "ed")["data"] == {"a": "after"}


def patch(k):
    k.create(deployment("pa"))
    has(k("patch", "deployment", "pa", "-p", '{"spec":{"template":{"spec":{"containers":[{"name":"c","image":"nginx:3"}]}}}}'), "patched")
    k("patch", "deployment", "pa", "--type=merge", "-p", '{"metadata":{"labels":{"m":"y"}}}')
    k("patch", "deployment", "pa", "--type=json", "-p", '[{"op":"replace","path":"/spec/replicas","value":0},{"op":"add","path":"/metadata/labels/j","value":"y"}]')
    k("patch", "deployment", "pa", "--subresource=scale", "--type=merge", "-p", '{"spec":{"replicas":0}}')
    k("patch", "deployment", "pa", "--subresource=status", "--type=merge", "-p", '{"status":{"collisionCount":3}}')
    found = k.json("get", "deployment", "pa")
    assert found["metadata"]["labels"] == {"app": "pa", "m": "y", "j": "y"}, found["metadata"]
    assert found["spec"]["template"]["spec"]["containers"][0]["image"] == "nginx:3"
    has(k("patch", "cm", "nope", "-p", "{}", fails=True), "NotFound")
    has(k("patch", "deployment", "pa", "--type=json", "-p", '[{"op":"test","path":"/spec/replicas","value":9}]', fails=True), "rror")


def replace(k):
    k.create(config_map("re", {"a": "1"}))
    has(k("replace", "-f", k.file("re.json", config_map("re", {"a": "2"}))), "configmap/re replaced")
    uid = k.json("get", "cm", "re")["metadata"]["uid"]
    has(k("replace", "--force", "-f", k.file("re.json", config_map("re", {"a": "3"}))), "replaced")
    found = k.json("get", "cm", "re")
    assert found["data"] == {"a": "3"} and found["metadata"]["uid"] != uid, found
    has(k("replace", "-f", k.file("re.json", config_map("re-nope")), fails=True), "NotFound")


def delete(k):
    k.create(*[config_map(f"de-{i}", labels={"set": "de"}) for i in range(4)], deployment("de-d"), pod("de-p"))
    has(k("delete", "cm", "de-0"), 'configmap "de-0" deleted')
    has(k("delete", "cm", "de-1", "--dry-run=server"), "server dry run")
    has(k("delete", "cm", "-l", "set=de"), "de-1", "de-2", "de-3")
    has(k("delete", "pod", "de-p", "--grace-period=0", "--force"), "deleted")
    has(k("delete", "deployment", "de-d", "--cascade=orphan", "--wait=false"), "deleted")
    has(k("delete", "cm", "de-0", fails=True), "NotFound")
    assert k("delete", "cm", "de-0", "--ignore-not-found") == ""
    k.create(config_map("de-all", labels={"set": "de"}))
    has(k("delete", "-f", k.file("de.json", config_map("de-all"))), "deleted")
    k.create(deployment("de-front"))
    has(k("delete", "deployment", "de-front", "--cascade=foreground", "--wait=false"), "deleted")


def delete_all(k):
    other = f"{k.ns}-all"
    k("create", "namespace", other)
    for name in ("a", "b"):
        k("create", "configmap", name, "-n", other)
    has(k("delete", "cm", "--all", "-n", other), '"a" deleted', '"b" deleted')
    has(k("delete", "namespace", other, "--wait=false"), "deleted")


def scale(k):
    k.create(deployment("sc"))
    has(k("scale", "deployment/sc", "--replicas=0"), "deployment.apps/sc scaled")
    has(k("scale", "deployment/sc", "--current-replicas=0", "--replicas=0"), "scaled")
    has(k("scale", "deployment/sc", "--current-replicas=5", "--replicas=1", fails=True), "Expected replicas to be 5")


def autoscale(k):
    k.create(deployment("as"))
    has(k("autoscale", "deployment", "as", "--min=1", "--max=3", "--cpu-percent=50"), "autoscaled")
    has(k("get", "hpa", "as"), "Deployment/as", "MINPODS")
    found = k.json("get", "hpa.v2.autoscaling", "as")
    assert found["spec"]["metrics"][0]["resource"]["target"] == {"type": "Utilization", "averageUtilization": 50}, found["spec"]


def rollout(k):
    k.create(deployment("ro"))
    has(k("rollout", "pause", "deployment/ro"), "paused")
    assert k.json("get", "deployment", "ro")["spec"]["paused"] is True
    has(k("rollout", "resume", "deployment/ro"), "resumed")
    has(k("rollout", "restart", "deployment/ro"), "restarted")
    has(json.dumps(k.json("get", "deployment", "ro")["spec"]["template"]), "kubectl.kubernetes.io/restartedAt")


def rollout_history(k):
    """What a controller would have made is made here, so that it holds with and without one."""
    k.create(deployment("rh"))
    found = k.json("get", "deployment", "rh")
    k("patch", "deployment", "rh", "--type=merge", "-p", '{"metadata":{"annotations":{"kubernetes.io/change-cause":"made"}}}')
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "rh", "uid": found["metadata"]["uid"], "controller": True}
    sets = json.loads(k("get", "rs", "-l", "app=rh", "-o", "json"))["items"]
    if not sets:
        template = deployment("rh")["spec"]["template"]
        k.create({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {
            "name": "rh-1", "labels": {"app": "rh"}, "ownerReferences": [owner], "annotations": {"deployment.kubernetes.io/revision": "1"}},
            "spec": {"replicas": 0, "selector": {"matchLabels": {"app": "rh"}}, "template": template}})
    k.until(lambda: "1" in k("rollout", "history", "deployment/rh").split(), "a first revision")
    has(k("rollout", "history", "deployment/rh"), "REVISION", "CHANGE-CAUSE")


def run(k):
    has(k("run", "ru", "--image=busybox", "--restart=Never", "--labels=a=b", "--env=X=y", "--", "sleep", "1"), "pod/ru created")
    found = k.json("get", "pod", "ru")
    assert found["spec"]["containers"][0]["args"] == ["sleep", "1"] and found["metadata"]["labels"] == {"a": "b"}, found
    has(k("run", "ru-dry", "--image=busybox", "--dry-run=server"), "created (server dry run)")


def expose(k):
    k.create(deployment("ex"))
    has(k("expose", "deployment", "ex", "--port=80", "--target-port=8080", "--type=NodePort"), "service/ex exposed")
    found = k.json("get", "service", "ex")
    assert found["spec"]["selector"] == {"app": "ex"} and 30000 <= found["spec"]["ports"][0]["nodePort"] <= 32767, found


def label_and_annotate(k):
    k.create(config_map("la"))
    has(k("label", "cm", "la", "a=b"), "labeled")
    has(k("label", "cm", "la", "a=c", fails=True), "already has a value")
    has(k("label", "cm", "la", "a=c", "--overwrite"), "labeled")
    has(k("label", "cm", "la", "a-"), "unlabeled")
    has(k("label", "cm", "la", "a=not valid", fails=True), "rror")
    has(k("annotate", "cm", "la", "note=so"), "annotated")
    has(k("annotate", "cm", "la", "--list"), "note=so")


def set_fields(k):
    k.create(deployment("se"), {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "se"}, "spec": {"ports": [{"port": 80}]}})
    has(k("set", "image", "deployment/se", "c=nginx:9"), "image updated")
    has(k("set", "env", "deployment/se", "A=b"), "env updated")
    has(k("set", "env", "deployment/se", "--list"), "A=b")
    has(k("set", "env", "deployment/se", "A-"), "env updated")
    has(k("set", "resources", "deployment/se", "--limits=cpu=1,memory=1Gi"), "resource requirements updated")
    has(k("set", "serviceaccount", "deployment/se", "default"), "serviceaccount updated")
    has(k("set", "selector", "service/se", "x=y"), "selector updated")
    k("create", "rolebinding", "se", "--clusterrole=view", "--user=joe")
    has(k("set", "subject", "rolebinding/se", "--user=ann"), "subjects updated")
    container = k.json("get", "deployment", "se")["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == "nginx:9" and container["resources"]["limits"] == {"cpu": "1", "memory": "1Gi"} and not container.get("env"), container


def cordon_and_drain(k):
    name = f"drain-{k.ns}"
    k.create(node(name), pod("dr", labels={"drain": "y"}, nodeName=name))
    has(k("cordon", name), "cordoned")
    assert k.json("get", "node", name)["spec"]["unschedulable"] is True
    has(k("get", "nodes", name), "SchedulingDisabled")
    has(k("uncordon", name), "uncordoned")
    has(k("drain", name, "--force", "--ignore-daemonsets", "--grace-period=0", "--timeout=60s"), "drained")
    assert k("get", "pod", "dr", "--ignore-not-found") == ""
    k("delete", "node", name)


def taint(k):
    name = f"taint-{k.ns}"
    k.create(node(name))
    has(k("taint", "node", name, "a=b:NoSchedule"), "tainted")
    has(k("taint", "node", name, "a=c:NoSchedule", fails=True), "already has")
    has(k("taint", "node", name, "a=c:NoSchedule", "--overwrite"), "modified")
    has(k("taint", "node", name, "a-"), "untainted")
    k("delete", "node", name)


def certificate(k):
    for name, command, condition in ((f"csr-yes-{k.ns}", "approve", "Approved"), (f"csr-no-{k.ns}", "deny", "Denied")):
        k.create({"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest", "metadata": {"name": name},
                  "spec": {"request": REQUEST, "signerName": "example.com/test", "usages": ["client auth"]}})
        has(k("get", "csr", name), "Pending")
        has(k("certificate", command, name), f"{name} {'approved' if command == 'approve' else 'denied'}")
        has(k("get", "csr", name), condition)
        k("delete", "csr", name)


def debug(k):
    """A container is added to a pod that no node has, and a pod is made beside it; there is nothing to attach to."""
    k.create(pod("db"))
    k("debug", "db", "--image=busybox", "--container=look", "--", "sleep", "1")
    found = k.json("get", "pod", "db")["spec"]["ephemeralContainers"]
    assert [c["name"] for c in found] == ["look"] and found[0]["command"] == ["sleep", "1"], found
    k("debug", "db", "--image=busybox", "--copy-to=db-copy", "--container=c2", "--", "sleep", "1")
    assert len(k.json("get", "pod", "db-copy")["spec"]["containers"]) == 2


def without_a_node(k):
    """What needs a node says so."""
    k.create(pod("wn"))
    has(k("logs", "nope", fails=True), 'pods "nope" not found')
    has(k("exec", "wn", "--", "true", fails=True), "does not have a host assigned")
    has(k("port-forward", "pod/wn", "0:80", fails=True), "ending")


def files_of_kind_list(k):
    """A List is checked by kubectl itself, by OpenAPI v2."""
    items = [config_map("li-a", {"a": "b"}), deployment("li-d"),
             {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "li-s"}, "spec": {"ports": [{"port": 80, "targetPort": "http"}, {"name": "b", "port": 81}]}}]
    items[2]["spec"]["ports"][0]["name"] = "a"
    has(k("create", "-f", k.file("list.json", {"apiVersion": "v1", "kind": "List", "items": items})), "configmap/li-a created", "deployment.apps/li-d created", "service/li-s created")
    written = k("get", "cm/li-a", "deployment/li-d", "svc/li-s", "-o", "yaml")
    # Controllers write to the deployment meanwhile: its version would be one of before.
    written = "".join(line for line in written.splitlines(True) if not line.strip().startswith("resourceVersion:"))
    has(k("apply", "-f", k.file("list.yaml", written), told=True), "configmap/li-a configured", "deployment.apps/li-d configured")
    items[0]["dota"] = {}
    has(k("create", "-f", k.file("bad.json", {"apiVersion": "v1", "kind": "List", "items": items}), fails=True), 'unknown field "dota"')
    k("delete", "-f", k.file("list.json", {"apiVersion": "v1", "kind": "List", "items": items}))


def rollout_undo(k):
    """Two revisions and back; no node is needed, since nothing has to become ready."""
    k.create(deployment("ru"))
    image = lambda: k.json("get", "deployment", "ru")["spec"]["template"]["spec"]["containers"][0]["image"]  # noqa: E731
    sets = lambda: json.loads(k("get", "rs", "-l", "app=ru", "-o", "json"))["items"]  # noqa: E731
    k.until(lambda: len(sets()) == 1, "a first replica set")
    k("set", "image", "deployment/ru", "c=nginx:2")
    k.until(lambda: len(sets()) == 2, "a second replica set")
    has(k("rollout", "status", "deployment/ru", "--timeout=60s"), "successfully rolled out")
    k.until(lambda: "2" in k("rollout", "history", "deployment/ru").split(), "a second revision")
    has(k("rollout", "history", "deployment/ru", "--revision=1"), "nginx:1")
    has(k("rollout", "undo", "deployment/ru"), "rolled back")
    assert image() == "nginx:1"
    has(k("rollout", "undo", "deployment/ru", "--to-revision=9", fails=True), "unable to find specified revision")


REQUEST = (
    "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlIV01INENBUUF3SERFTU1Bb0dBMVVFQ2d3RFpHVjJNUXd3Q2dZRFZRUUREQU5oYm00d1dUQVRCZ2Nxa"
    "GtqTwpQUUlCQmdncWhrak9QUU1CQndOQ0FBVFd6T3RpN1Bza2lNL1U5WDhodmxGMFlsSE5aQi9FV29PRDU5WkNQSkJnCkhVbXhMZFdhYUVKV2cveE1raS9Vb0gwL2NBMi"
    "s3U2RWR0h5UTlyWTNKd3lIb0FBd0NnWUlLb1pJemowRUF3SUQKU0FBd1JRSWdKYkNuMFNnRkwrRG9JZUFIbUc2eUJQd2Ywa1cxc2pLcFhnNGZTV0ZQM09VQ0lRREsvT05"
    "TSXFieApObDU3S3NqRUdkamIzeXNxOFRDL3lBVEdZbndYdG9sd0xnPT0KLS0tLS1FTkQgQ0VSVElGSUNBVEUgUkVRVUVTVC0tLS0tCg==")


CASES = {"create with generators": create_by_generators, "create -f": create_from_files, "create token": create_token, "apply": apply,
         "apply --prune": apply_prune, "apply --server-side": apply_server_side, "edit": edit, "patch": patch, "replace": replace, "delete": delete,
         "delete --all": delete_all, "scale": scale, "autoscale": autoscale, "rollout pause, resume, restart": rollout,
         "rollout history": rollout_history, "run": run, "expose": expose, "label, annotate": label_and_annotate, "set": set_fields,
         "cordon, drain": cordon_and_drain, "taint": taint, "certificate approve, deny": certificate, "debug": debug,
         "logs, exec, port-forward without a node": without_a_node, "files of kind List": files_of_kind_list, "rollout status, undo": rollout_undo}
