#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""scripts/bench cluster: a one-node cluster of Keelson's programs and one of upstream's with containerd 2, in turn, each started afresh in
namespaces of its own (tests/upstream_cluster/parts.py starts the programs of both). Run by scripts/bench with --bin, --dir, --rounds, --only."""
import argparse
import contextlib
import glob
import http.server
import json
import os
import socket
import statistics
import subprocess
import sys
import threading
import time

here = os.path.dirname(os.path.abspath(__file__))
root = os.path.dirname(os.path.dirname(here))
sys.path[:0] = [here, root + "/tests/upstream_cluster", root + "/tests/critest"]
import builds  # noqa: E402
import isolation  # noqa: E402
import parts  # noqa: E402
import runtimes  # noqa: E402
import tools  # noqa: E402
from cluster_client import Api, condition  # noqa: E402

PODS, NAMESPACED = "10.199.16.0/20", "/api/v1/namespaces/default/"
DEPLOYMENTS, SLICES = "/apis/apps/v1/namespaces/default/deployments", "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
# Ends as soon as it is asked to, so that a deletion takes its own time only.
SPEC = {"containers": [{"name": "c", "image": "docker.io/library/busybox:demo",
                        "command": ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done"]}]}
# Answers with a page as soon as it runs.
DEMO = {"containers": [{"name": "c", "image": "docker.io/library/busybox:demo", "ports": [{"containerPort": 80}],
                        "command": ["sh", "-c", "mkdir -p /www && echo hello >/www/index.html && exec busybox httpd -f -p 80 -h /www"]}]}


class Side:
    """A cluster; `say` takes figures by name."""

    def __init__(self, side, work, programs, say):
        self.side, self.say = side, say
        self.parts = parts.Parts(work, programs)
        self.parts.pause = 0.005
        self.keelson = side == "keelson"
        folder = work + "/runtime"
        self.runtime = runtimes.Keelson(folder, os.path.dirname(programs["keelson-runtime"])) if self.keelson else runtimes.Containerd(folder)

    def prepare(self):
        """All that is on the disk before a cluster is started: identity, images, certificates."""
        isolation.furnish()
        for command in ("ip link add knode0 type bridge", f"ip address add {parts.ADDRESS}/24 dev knode0", "ip link set knode0 up",
                        "ip route add default dev knode0"):
            subprocess.run(command.split(), check=True)
        layout = (root + "/build/demo-images/busybox", "docker.io/library/busybox:demo")
        if self.keelson:
            subprocess.run(self.runtime.command + ["load", *layout], check=True, stdout=subprocess.DEVNULL)
            os.makedirs(self.runtime.folder + "/etc", exist_ok=True)
        else:
            self.runtime.start("")
            self.runtime.load([layout])
            control = ["ctr", "-a", self.runtime.endpoint.removeprefix("unix://"), "-n", "k8s.io", "images"]
            subprocess.run(control + ["import", os.environ["PAUSE_IMAGE"]], check=True, stdout=subprocess.DEVNULL)
            subprocess.run(control + ["tag", "bench.invalid/pause:1", "registry.k8s.io/pause:3.10.2"], check=True, stdout=subprocess.DEVNULL)
            self.runtime.end()
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.runtime.endpoint.removeprefix("unix://"))
        self.parts.make_identity()
        self.node = self.parts.node_kubeconfig()
        self.api = Api(self.parts.kubeconfig(), self.parts.work)
        self.parts.is_ready = self.api.answers

    def start_runtime(self):
        """Without waiting."""
        if self.keelson:
            self.parts.spawn("keelson-runtime", self.runtime.command)
        else:
            programs = os.path.dirname(self.containerd)
            os.environ["PATH"] = programs + ":" + os.environ["PATH"]
            self.parts.spawn("containerd", [self.containerd, "--config", self.runtime.folder + "/config.toml"])

    @property
    def containerd(self):
        return max(glob.glob(tools.cache() + "/peers-containerd-v2*")) + "/containerd"

    def start(self):
        """Everything at once but what cannot begin before the API server, to node Ready and to the demo's first answer."""
        begin = time.monotonic()
        self.parts.waits = False
        self.start_runtime()
        self.parts.waits = True
        if self.keelson:
            self.parts.keelson_master()
        else:
            self.parts.upstream_master()
        self.parts.until(self.api.answers, "the API answers")
        self.say("start: API answers", time.monotonic() - begin)
        self.parts.waits = False
        if self.keelson:
            self.parts.keelson_kubelet(self.runtime.endpoint, self.node)
            self.parts.keelson_proxy(PODS, self.parts.kubeconfig())
        else:
            self.parts.upstream_kubelet(self.runtime.endpoint, "--kubeconfig", self.node)
            self.parts.upstream_proxy(PODS, self.parts.kubeconfig())
        self.parts.waits = True
        self.demo()
        watch = self.api.watch("/api/v1/nodes?resourceVersion=0")
        self.say("start: node Ready", watch.until(lambda kind, node: condition(node, "Ready") == "True", "the node is Ready") - begin)
        self.parts.until(lambda: b"hello" in ask(self.address, 80), "the demo answers")
        self.say("start: demo answers", time.monotonic() - begin)

    def demo(self):
        self.parts.until(lambda: self.api("GET", NAMESPACED + "serviceaccounts/default"), "the account")
        self.api("POST", DEPLOYMENTS, deployment("demo", 3, DEMO))
        self.address = self.api("POST", NAMESPACED + "services", {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "demo"}, "spec": {
            "selector": {"app": "demo"}, "ports": [{"port": 80}]}})["spec"]["clusterIP"]

    # --- figures

    def one_after_another(self, count):
        running, ready, gone = [], [], []
        for number in range(count + 2):
            name = f"one-{number}"
            watch = self.api.watch(NAMESPACED + f"pods?fieldSelector=metadata.name%3D{name}")
            begin = time.monotonic()
            self.api("POST", NAMESPACED + "pods", {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": "one"}}, "spec": SPEC})
            times = {}

            def seen(kind, pod):
                now = time.monotonic()
                if pod["status"].get("phase") == "Running":
                    times.setdefault("running", now)
                return condition(pod, "Ready") == "True"
            at_ready = watch.until(seen, name)
            up = time.monotonic() + 0.3  # it has to know what to do with a signal
            self.parts.until(lambda: time.monotonic() > up, "a pause")
            begin_delete = time.monotonic()
            self.api("DELETE", NAMESPACED + "pods/" + name)
            at_end = watch.until(lambda kind, pod: kind == "DELETED", name + " is gone")
            if number >= 2:  # the first ones warm up
                running.append(times["running"] - begin)
                ready.append(at_ready - begin)
                gone.append(at_end - begin_delete)
        for name, figures in (("create to Running", running), ("create to Ready", ready), ("delete to gone", gone)):
            self.say(f"one pod: {name}, p50", statistics.median(figures))
            self.say(f"one pod: {name}, p99", sorted(figures)[min(len(figures) - 1, int(len(figures) * 0.99))])

    def at_once(self, count):
        watch = self.api.watch(NAMESPACED + "pods?labelSelector=app%3Dmany")
        begin, good, bound, there, times = time.monotonic(), set(), set(), set(), {}
        before = self.processor()
        self.api("POST", DEPLOYMENTS, deployment("many", count, SPEC))

        def all_ready(kind, pod):
            there.add(pod["metadata"]["name"])
            if pod["spec"].get("nodeName"):
                bound.add(pod["metadata"]["name"])
            for stage, pods in (("made", there), ("bound", bound)):
                if len(pods) == count:
                    times.setdefault(stage, time.monotonic() - begin)
            if condition(pod, "Ready") == "True":
                good.add(pod["metadata"]["name"])
            return len(good) == count
        at_ready = watch.until(all_ready, f"{count} pods are ready")
        for stage, passed in times.items():
            self.say(f"{count} pods of a Deployment: all {stage}", passed)
        self.say(f"{count} pods of a Deployment: all Ready", at_ready - begin)
        for name, seconds in self.processor().items():
            if name not in ("sh", "sleep", "python3") and seconds - before.get(name, 0) > 0.05:
                self.say(f"{count} pods of a Deployment: processor of {name}", seconds - before.get(name, 0))
        if count == 100:
            self.memory("with 100 pods")
        up = time.monotonic() + 1
        self.parts.until(lambda: time.monotonic() > up, "a pause")
        begin = time.monotonic()
        self.api("DELETE", DEPLOYMENTS + "/many", {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"})

        def all_gone(kind, pod):
            if kind == "DELETED":
                there.discard(pod["metadata"]["name"])
            return not there
        self.say(f"{count} pods of a Deployment: all gone", watch.until(all_gone, f"{count} pods are gone") - begin)

    def endpoint_changes(self, count):
        """From the answer to the write to the first connection that comes through, or is refused; each change after a quiet while, since
        either proxy writes rules once a second at most."""
        server = http.server.ThreadingHTTPServer((parts.ADDRESS, 8080), http.server.SimpleHTTPRequestHandler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = self.api("POST", NAMESPACED + "services", {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "by-hand"}, "spec": {
            "ports": [{"port": 80}]}})["spec"]["clusterIP"]
        slice_ = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4", "ports": [{"name": "", "port": 8080, "protocol": "TCP"}],
                  "metadata": {"name": "by-hand-1", "labels": {"kubernetes.io/service-name": "by-hand"}}, "endpoints": []}
        self.api("POST", SLICES, slice_)
        self.parts.until(lambda: connects(address) is False, "the service refuses")
        figures = {True: [], False: []}
        for number in range(2 * count):
            there, quiet = number % 2 == 0, time.monotonic() + 2.5
            self.parts.until(lambda: time.monotonic() > quiet, "a pause")
            self.api("PATCH", SLICES + "/by-hand-1", {"endpoints": [{"addresses": [parts.ADDRESS], "nodeName": parts.NODE}] if there else []},
                     "application/merge-patch+json")
            begin = time.monotonic()
            deadline = begin + 120
            while connects(address) is not there:
                if time.monotonic() > deadline:
                    raise RuntimeError("a changed endpoint does not become a rule")
            figures[there].append(time.monotonic() - begin)
        self.say("endpoint: added to first connection, p50", statistics.median(figures[True]))
        self.say("endpoint: withdrawn to first refusal, p50", statistics.median(figures[False]))
        server.shutdown()

    def processor(self):
        """Seconds by program since it was started, with its children that ended."""
        sums = {}
        for process in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError, IndexError):
                with open(f"/proc/{process}/stat") as file:
                    name, rest = file.read().partition("(")[2].rsplit(")", 1)
                sums[name] = sums.get(name, 0) + sum(map(int, rest.split()[11:15])) / os.sysconf("SC_CLK_TCK")
        return sums

    def memory(self, when):
        """PSS by program; what runs in pods is not counted."""
        sums = {}
        for process in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{process}/cmdline", "rb") as file:
                    words = file.read().split(b"\0")
                name = os.path.basename(words[0].decode())
                if not words[0] or name in ("sh", "sleep", "busybox", "python3", "httpd", "unshare") or int(process) == os.getpid():
                    continue
                with open(f"/proc/{process}/smaps_rollup") as file:
                    pss = next(int(line.split()[1]) for line in file if line.startswith("Pss:"))
            except (OSError, StopIteration):
                continue
            sums[name] = sums.get(name, 0) + pss * 1024 / 1e6
        for name, megabytes in sums.items():
            self.say(f"memory {when}: {name}", megabytes)
        self.say(f"memory {when}: all", sum(sums.values()))

    def end(self):
        self.parts.end_all()


def deployment(name, replicas, spec):
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": {
        "replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": {"metadata": {"labels": {"app": name}}, "spec": spec}}}


def ask(address, port):
    with socket.create_connection((address, port), timeout=0.2) as connection:
        connection.sendall(b"GET /index.html HTTP/1.0\r\n\r\n")
        return b"".join(iter(lambda: connection.recv(4096), b""))


def connects(address):
    """True, False when it is refused, None when neither: a packet between the writing of two tables is lost."""
    try:
        socket.create_connection((address, 80), timeout=0.02).close()
        return True
    except ConnectionRefusedError:
        return False
    except OSError:
        return None


def inside(asked):
    upstream, kubelet = os.environ["UPSTREAM_PROGRAMS"].split(":")
    ours = ("keelson-master", "keelson-kubelet", "keelson-proxy", "keelson-runtime")
    programs = {**{name: f"{upstream}/{name}" for name in builds.NAMES}, "kubelet": kubelet + "/kubelet",
                **{name: os.path.join(os.path.abspath(asked.bin), name) for name in ours}}

    def say(name, value):
        with open(asked.results, "a") as file:
            file.write(json.dumps([asked.side, name, value]) + "\n")
    side = Side(asked.side, asked.inside, programs, say)
    try:
        side.prepare()
        side.start()
        side.parts.pause = 0.05
        quiet = time.monotonic() + 8  # what has just been started does not count as idle
        side.parts.until(lambda: time.monotonic() > quiet, "a pause")
        side.memory("with the demo")
        side.one_after_another(asked.pods)
        side.endpoint_changes(5)
        side.at_once(30)
        side.at_once(100)
    except Exception:
        for name in side.parts.running:
            print(f"--- {name}\n" + "\n".join(side.parts.lines(name, "")[-8:]), file=sys.stderr)
        raise
    finally:
        side.end()
    return 0


def outside(asked):
    folders = builds.control_plane() or "/nowhere", builds.kubelet() or "/nowhere"
    sides = [side for side in ("upstream", "keelson") if side in asked.only.split(",") and (side == "keelson" or folders[0] != "/nowhere")]
    results = os.path.join(os.environ["BENCH_WORK"], "cluster.jsonl")
    open(results, "w").close()
    for number in range(asked.rounds):
        for side in sides:
            with open("/proc/loadavg") as file:
                print(f"round {number + 1}: {side} (load {file.read().split()[0]})", file=sys.stderr, flush=True)
            os.environ["TMPDIR"] = asked.dir
            with isolation.folder("keelson-bench-cluster-", asked.keep, ("logs/*",)) as work:
                try:
                    sys.argv[1:] = ["--side", side, "--bin", asked.bin, "--results", results, "--pods", str(asked.pods)]
                    if isolation.call(__file__, work, UPSTREAM_PROGRAMS=":".join(folders)) != 0:
                        print(f"{side} failed", file=sys.stderr)
                finally:
                    isolation.remove_control_groups(os.path.basename(work))
    report(results, sides)
    return 0


def report(path, sides):
    figures = {}
    with open(path) as file:
        for side, name, value in map(json.loads, file):
            figures.setdefault(name, {}).setdefault(side, []).append(value)
    print(f"| | {' | '.join(sides)} | Keelson against upstream |\n|---|{'---:|' * (len(sides) + 1)}")
    for name, by_side in figures.items():
        middle = {side: statistics.median(values) for side, values in by_side.items()}

        def shown(side):
            if side not in middle:
                return ""
            return f"{middle[side]:.1f} MB" if name.startswith("memory") else f"{middle[side] * 1000:.0f} ms" if middle[side] < 1 else f"{middle[side]:.2f} s"
        ratio = f"{middle['keelson'] / middle['upstream']:.2f}" if len(middle) == 2 and middle["upstream"] else ""
        print(f"| {name} | {' | '.join(map(shown, sides))} | {ratio} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for option, default in (("--bin", root + "/build/release/bin"), ("--dir", "/var/tmp"), ("--only", "upstream,keelson"), ("--inside", ""), ("--side", ""),
                            ("--results", ""), ("--keep", "")):
        parser.add_argument(option, default=default)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--pods", type=int, default=20)
    asked_for = parser.parse_args()
    sys.exit(inside(asked_for) if asked_for.inside else outside(asked_for))
