# SPDX-License-Identifier: Apache-2.0
"""One kubectl, with a namespace, a home and a discovery cache of its own."""
import json
import os
import subprocess
import time

from server import PATIENCE


class Skip(Exception):
    """Why a case cannot be run here."""


class Kubectl:
    def __init__(self, program, version, master, folder):
        self.program, self.version, self.master = program, version, master
        self.minor = int(version.split(".")[1])
        self.ns = f"k{self.minor}"
        self.home = os.path.join(folder, self.ns)
        os.makedirs(self.home)
        self.environment = {"PATH": os.environ["PATH"], "HOME": self.home, "KUBECONFIG": master.kubeconfig, "KUBECACHEDIR": self.home + "/cache"}
        self("create", "namespace", self.ns)
        self.until(lambda: self("get", "serviceaccount", "default", fails=None), "default service account")

    def __call__(self, *words, stdin=None, fails=False, told=False, environment=None):
        """Its output; an AssertionError where it fails, or does not and should. `fails` None: nothing when it
        fails; `told`: with what it says beside its output."""
        command = [self.program, "--namespace", self.ns, *words]
        done = subprocess.run(command, env={**self.environment, **(environment or {})}, cwd=self.home, text=True, timeout=PATIENCE,
                              capture_output=True, **({"input": stdin} if stdin is not None else {"stdin": subprocess.DEVNULL}))
        if fails is None and done.returncode != 0:
            return ""
        assert fails is None or (done.returncode != 0) == fails, f"kubectl {' '.join(words)}: exit status {done.returncode}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr if fails or told else done.stdout

    def start(self, *words):
        return subprocess.Popen([self.program, "--namespace", self.ns, *words], env=self.environment, cwd=self.home, text=True,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def json(self, *words):
        return json.loads(self(*words, "-o", "json"))

    def create(self, *objects):
        self("create", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)}))

    def file(self, name, content):
        path = os.path.join(self.home, name)
        with open(path, "w") as file:
            file.write(content if isinstance(content, str) else json.dumps(content))
        return path

    def until(self, true, what):
        end = time.monotonic() + PATIENCE
        while not true():
            assert time.monotonic() < end, f"{what}: not in {PATIENCE} s"
            time.sleep(0.1)


def has(text, *parts):
    for part in parts:
        assert part in text, f"{part!r} is not in: {text}"


def config_map(name, data=None, labels=None):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": labels or {}}, "data": data or {}}


def pod(name, labels=None, **spec):
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels or {}},
            "spec": {"containers": [{"name": "c", "image": "nginx:1"}], "terminationGracePeriodSeconds": 0, **spec}}


def deployment(name, replicas=0, labels=None):
    labels = labels or {"app": name}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "labels": labels},
            "spec": {"replicas": replicas, "selector": {"matchLabels": labels},
                     "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "nginx:1"}]}}}}


def node(name):
    """One that takes no pods but those that name it."""
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
            "spec": {"taints": [{"key": "example.com/test", "effect": "NoSchedule"}]}}
