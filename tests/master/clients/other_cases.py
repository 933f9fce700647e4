# SPDX-License-Identifier: Apache-2.0
"""Clients that are not kubectl: a program of client-go's, and helm with a chart of the tests' own."""
import json
import os
import subprocess

import builds
from kubectl import Skip, has
from server import PATIENCE

here = os.path.dirname(os.path.abspath(__file__))
NO_GO = "it is built from Go modules, and there is no go on this machine"


def built(name):
    program = builds.build(name)
    if program is None:
        raise Skip(NO_GO)
    return program


def run(master, folder, name, *words, fails=False):
    home = os.path.join(folder, "home-of-" + name)
    os.makedirs(home, exist_ok=True)
    done = subprocess.run([built(name), *words], cwd=home, env={"PATH": os.environ["PATH"], "HOME": home, "KUBECONFIG": master.kubeconfig}, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=5 * PATIENCE)
    assert (done.returncode != 0) == fails, f"{name} {' '.join(words)}: exit status {done.returncode}: {done.stdout[-2000:]}"
    return done.stdout


def client_go(part):
    def case(master, folder):
        run(master, folder, "informer", part, master.kubeconfig, "default")
    return case


def helm(master, folder):
    def told(*words, fails=False):
        return run(master, folder, "helm", *words, "--namespace", "helm", fails=fails)

    def resources():
        listed = json.loads(told("status", "shop", "--show-resources", "-o", "json"))["info"]["resources"]
        for some in listed.values():
            for one in some:  # objects, or lists of them where several of a kind are related
                yield from one.get("items", [one])

    def objects():
        return {(one["kind"], one["metadata"]["name"]) for one in resources()}

    def object_of(kind, name):
        return next(one for one in resources() if (one["kind"], one["metadata"]["name"]) == (kind, name))
    chart = os.path.join(here, "chart")
    has(told("install", "shop", chart, "--create-namespace", "--wait"), "STATUS: deployed", "REVISION: 1", "shop says hello.")
    assert len(objects()) == 10, objects()
    has(told("install", "shop", chart, fails=True), "cannot re-use a name")
    has(told("upgrade", "shop", chart, "--set", "message=bye,image=nginx:2,extra=false,port=81", "--wait"), "REVISION: 2", "shop says bye.")
    assert object_of("Deployment", "shop-web")["spec"]["template"]["spec"]["containers"][0]["image"] == "nginx:2"
    assert object_of("Service", "shop-web")["spec"]["ports"][0]["port"] == 81
    assert ("Secret", "shop-extra") not in objects()
    has(told("upgrade", "shop", chart, "--set", "port=not-a-port", fails=True), "cannot unmarshal string")
    has(told("upgrade", "shop", chart, "--set", "port=70000", "--atomic", "--wait", fails=True), "must be between 1 and 65535")
    has(told("rollback", "shop", "1", "--wait"), "Rollback was a success")
    assert object_of("ConfigMap", "shop-settings")["data"] == {"MESSAGE": "hello"}
    assert object_of("Service", "shop-web")["spec"]["ports"][0]["port"] == 80
    assert ("Secret", "shop-extra") in objects()
    has(told("history", "shop"), "superseded", "deployed", "Rollback to 1")
    has(told("upgrade", "shop", chart, "--install", "--dry-run=server", "--set", "message=dry"), "MESSAGE: \"dry\"")
    has(told("list"), "shop", "shop-0.1.0")
    has(told("uninstall", "shop", "--wait"), 'release "shop" uninstalled')
    assert "shop" not in told("list", "--all")


CASES = {"helm install, upgrade, rollback, uninstall": helm, "client-go: informers and a work queue": client_go("queue"),
         "client-go: leader election": client_go("election"), "client-go: typed, dynamic and metadata clients": client_go("clients")}
