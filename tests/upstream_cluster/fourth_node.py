# SPDX-License-Identifier: Apache-2.0
"""Upstream's kubelet and kube-proxy as the fourth node beside three of Keelson's, which `keelson up` and `join` bring up in network
namespaces of their own on one bridge. Its routes are made here: on upstream's nodes somebody else makes them."""
import os
import re
import subprocess

import isolation
import parts
from parts import Failed
from story import check, condition, deployment, page, pods

KEELSONS = (1, 2, 3)
PODS = "10.42.0.0/16"
FIRST = "10.199.0.11"
REPLICAS = 8


def address(n):
    return f"10.199.0.{10 + n}"


class Nodes:
    """Three nodes of Keelson's; `programs` their folder, `work` above all that they write."""

    def __init__(self, programs, work):
        self.programs, self.work, self.join = programs, work, []
        parts.SERVER = f"https://{FIRST}:6443"

    def keelson(self, *words):
        done = subprocess.run([self.programs + "/keelson", *words], stdin=subprocess.DEVNULL, text=True, capture_output=True, timeout=parts.PATIENCE)
        if done.returncode != 0:
            raise Failed(f"keelson {' '.join(words)}: {done.stdout}{done.stderr}")
        return done.stdout

    def places(self, n):
        home = f"{self.work}/n{n}"
        return ["--state-dir", home, "--run-dir", f"/run/n{n}", "--config-dir", home + "/etc"]

    def group(self, n):
        return f"{os.path.basename(self.work)}-n{n}"

    def begin(self, n, images):
        space = f"n{n}"
        for command in (f"ip netns add {space}", f"ip link add {space} type veth peer name eth0 netns {space}",
                        f"ip link set {space} master knode0 up", f"ip -n {space} link set lo up",
                        f"ip -n {space} address add {address(n)}/24 dev eth0", f"ip -n {space} link set eth0 up",
                        f"ip -n {space} route add default via {parts.ADDRESS}"):
            subprocess.run(command.split(), check=True)
        for name in ("busybox", "nginx"):
            subprocess.run([self.programs + "/keelson-runtime", *self.places(n), "load", f"{images}/{name}", f"docker.io/library/{name}:demo"], check=True,
                           stdout=subprocess.DEVNULL)
        home = f"{self.work}/n{n}"
        options = [*self.places(n), "--name", space, "--address", address(n), "--network", f"/run/netns/{space}", "--kubelet-root", home + "/kubelet",
                   "--pod-logs-dir", home + "/pod-logs", "--log-links-dir", "", "--cgroup-root", "/" + self.group(n), "--bridge", f"kpods{n}"]
        if n == 1:
            said = self.keelson("up", *options, "--kubeconfig", self.work + "/admin.kubeconfig")
            self.join = re.search(r"^ *keelson join (.*)$", said, re.M)[1].split()
            os.symlink(home + "/master", self.work + "/master")
        else:
            self.keelson("join", *self.join, *options)

    def end(self):
        for n in reversed(KEELSONS):
            if os.path.exists(f"{self.work}/n{n}/node.json"):
                self.keelson("down", "--state-dir", f"{self.work}/n{n}")


def its_routes_are_made(p):
    for n in KEELSONS:
        block = p.until(lambda: p.json("get", "node", f"n{n}")["spec"]["podCIDR"], f"n{n} has addresses for pods")
        subprocess.run(["ip", "route", "replace", block, "via", address(n)], check=True)


def four_nodes_are_ready(p):
    def ready():
        return {node["metadata"]["name"] for node in p.json("get", "nodes")["items"] if condition(node, "Ready") == "True"}
    p.until(lambda: ready() == {parts.NODE, "n1", "n2", "n3"}, "four nodes are Ready")
    versions = {node["metadata"]["name"]: node["status"]["nodeInfo"]["containerRuntimeVersion"] for node in p.json("get", "nodes")["items"]}
    check(len(versions) == 4, f"{versions}")


def one_on_each(p):
    """A pod of each node, by the node's name."""
    return {pod["spec"]["nodeName"]: pod["metadata"]["name"] for pod in pods(p)}


def a_deployment_is_on_all(p):
    p.apply(deployment(p, "web", REPLICAS))
    p.until(lambda: p.json("get", "deployment", "web")["status"].get("readyReplicas") == REPLICAS, "its replicas are ready")
    check(len(one_on_each(p)) == 4, f"on {sorted(one_on_each(p))}")


def all_answer(p, ask, who):
    seen = set()

    def all_of_them():
        seen.update(re.findall(r"written by (\S+)", ask()))
        return seen == {pod["metadata"]["name"] for pod in pods(p)}
    try:
        p.until(all_of_them, f"{who} is answered by all pods")
    except Failed as late:
        missing = [f"{pod['metadata']['name']} on {pod['spec']['nodeName']}" for pod in pods(p) if pod["metadata"]["name"] not in seen]
        raise Failed(f"{late}; of {len(seen)} it has heard, not of {missing}") from None


def from_pod(p, pod, what):
    return p.kubectl("exec", pod, "-c", "writer", "--", "wget", "-q", "-O", "-", f"http://{what}/index.html")


def the_service_answers_on_its_node(p):
    p.kubectl("expose", "deployment", "web", "--port=80", "--target-port=http")
    service = p.json("get", "service", "web")["spec"]["clusterIP"]
    all_answer(p, lambda: page(service), "upstream's node")


def pods_of_every_node_reach_all(p):
    service = p.json("get", "service", "web")["spec"]["clusterIP"]
    for node, pod in one_on_each(p).items():
        all_answer(p, lambda: from_pod(p, pod, service), f"{pod} on {node}")


def names_are_resolved_on_every_node(p):
    for node, pod in one_on_each(p).items():
        for name in ("web", "web.default.svc.cluster.local"):
            p.until(lambda: "written by" in from_pod(p, pod, name), f"{pod} on {node} reaches {name}")


def logs_and_commands_reach_every_node(p):
    for node, pod in one_on_each(p).items():
        p.until(lambda: f"written by {pod}" in p.kubectl("logs", pod, "-c", "writer", "--tail=3"), f"logs of {node}")
        check(p.kubectl("exec", pod, "-c", "writer", "--", "hostname").strip() == pod, f"hostname on {node}")


def its_pods_go_elsewhere(p):
    p.kubectl("drain", parts.NODE, "--ignore-daemonsets", "--force", "--delete-emptydir-data")
    p.until(lambda: p.json("get", "deployment", "web")["status"].get("readyReplicas") == REPLICAS and set(one_on_each(p)) == {"n1", "n2", "n3"},
            "the replicas are on the others")
    all_answer(p, lambda: page(p.json("get", "service", "web")["spec"]["clusterIP"]), "upstream's node")


def all_goes(p):
    p.kubectl("delete", "service,deployment", "web")
    p.until(lambda: not pods(p), "its pods go")


CASES = (its_routes_are_made, four_nodes_are_ready, a_deployment_is_on_all, the_service_answers_on_its_node, pods_of_every_node_reach_all,
         names_are_resolved_on_every_node, logs_and_commands_reach_every_node, its_pods_go_elsewhere, all_goes)


def remove_groups(work):
    for n in KEELSONS:
        isolation.remove_control_groups(f"{os.path.basename(work)}-n{n}")
