# SPDX-License-Identifier: Apache-2.0
"""Commands that a node answers: logs, exec, attach, cp, port-forward, its proxy; debug and resize of a pod that is there. The node is
master-test-kubelet: a kubelet's streams over plain processes of this machine. Each way twice: over WebSocket and over SPDY."""
import base64
import contextlib
import http.server
import json
import os
import re
import subprocess
import threading
import urllib.request

from kubectl import has
from server import PATIENCE

WAYS = [{"KUBECTL_REMOTE_COMMAND_WEBSOCKETS": way, "KUBECTL_PORT_FORWARD_WEBSOCKETS": way} for way in ("true", "false")]


@contextlib.contextmanager
def a_node(k, name):
    """A pod of that name on a node of the same."""
    with open(k.master.kubeconfig) as file:
        authority = base64.b64decode(re.search(r"certificate-authority-data: *(\S+)", file.read())[1]).decode()
    program = os.path.join(os.path.dirname(k.master.program), "master-test-kubelet")
    kubelet = subprocess.Popen([program, k.file(name + ".pem", authority)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    node = f"{k.ns}-{name}"
    try:
        port = int(kubelet.stdout.readline().removeprefix("port="))
        k.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": node}})
        patch(k, "node", node, "status", {"status": {"addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
                                                     "daemonEndpoints": {"kubeletEndpoint": {"Port": port}}}})
        k.create({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
                  "spec": {"nodeName": node, "terminationGracePeriodSeconds": 0,
                           "containers": [{"name": "c", "image": "i", "resources": {"requests": {"cpu": "1"}}}]}})
        patch(k, "pod", name, "status", {"status": {"phase": "Running"}})
        yield node
    finally:
        kubelet.stdin.close()
        try:
            kubelet.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            kubelet.kill()
            kubelet.wait()
        k("delete", "pod", name, "--ignore-not-found", "--force", fails=None)
        k("delete", "node", node, "--ignore-not-found")


def patch(k, kind, name, subresource, change, **more):
    return k("patch", kind, name, "--subresource", subresource, "--type", "merge", "-p", json.dumps(change), **more)


def logs(k):
    with a_node(k, "logs"):
        has(k("logs", "logs"), f"log of {k.ns}/logs/c\n")
        has(k("logs", "logs", "-c", "c", "--tail=5", "--timestamps"), "tailLines=5", "timestamps=true")
        has(k("logs", "-f", "logs"), "follow=true")
        has(k("logs", "logs", "-c", "nobody", fails=True), "container nobody is not valid for pod logs")


def execute(k):
    with a_node(k, "exec"):
        for way in WAYS:
            assert k("exec", "exec", "--", "echo", "a  b", environment=way) == "a  b\n"
            has(k("exec", "exec", "--", "sh", "-c", "echo out; echo err >&2; exit 7", fails=True, environment=way), "out\n", "err\n",
                "exit code 7")
            much = "0123456789abcdef" * (1 << 16)
            assert k("exec", "-i", "exec", "--", "cat", stdin=much, environment=way) == much, way
            has(k("exec", "exec", "-c", "nobody", "--", "true", fails=True, environment=way), "container nobody is not valid for pod exec")
            has(k("exec", "nobody", "--", "true", fails=True, environment=way), 'pods "nobody" not found')


def attach(k):
    with a_node(k, "attach"):
        for way in WAYS:
            has(k("attach", "-i", "attach", stdin="to the container\n", environment=way), "attached\n", "to the container\n")


def copy(k):
    with a_node(k, "cp"):
        for i, way in enumerate(WAYS):
            there, back = os.path.join(k.home, f"there-{i}"), os.path.join(k.home, f"back-{i}")
            os.makedirs(there)
            content = "0123456789\n" * 100_000
            k("cp", k.file("sent", content), f"cp:{there}/file", environment=way)
            k("cp", f"cp:{there}/file", back, environment=way)
            with open(back) as file:
                assert file.read() == content, way


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"0123456789abcdef" * (1 << 14)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def port_forward(k):
    served = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=served.serve_forever, daemon=True).start()
    try:
        with a_node(k, "forward"):
            for way in WAYS:
                before, k.environment = k.environment, {**k.environment, **way}
                process = k.start("port-forward", "--address=127.0.0.1", "pod/forward", f":{served.server_port}")
                k.environment = before
                try:
                    line = process.stdout.readline()
                    port = re.search(r"Forwarding from 127\.0\.0\.1:(\d+)", line)
                    assert port, line + process.stdout.read()
                    for _ in range(3):
                        with urllib.request.urlopen(f"http://127.0.0.1:{port[1]}/", timeout=60) as page:
                            assert page.read() == b"0123456789abcdef" * (1 << 14), way
                finally:
                    process.kill()
                    process.wait()
                    process.stdout.close()
    finally:
        served.shutdown()
        served.server_close()


def node_proxy(k):
    with a_node(k, "proxy") as node:
        # Through the master nobody reaches the machine that it is on.
        has(k("get", "--raw", f"/api/v1/nodes/{node}/proxy/some/page", fails=True), "address not allowed")
        has(k("get", "--raw", "/api/v1/nodes/nobody/proxy/", fails=True), 'nodes "nobody" not found')


def debug(k):
    with a_node(k, "debug"):
        k("debug", "debug", "--image=busybox", "--target=c", "-c", "looks", "--", "sleep", "1")
        container = k.json("get", "pod", "debug")["spec"]["ephemeralContainers"][0]
        assert (container["name"], container["image"], container["targetContainerName"]) == ("looks", "busybox", "c"), container
        has(k("debug", "debug", "--image=busybox", "--target=nobody", "--", "sleep", "1", fails=True), "targetContainerName: Not found")


def resize(k):
    if k.minor < 32:  # before, kubectl knew no such subresource
        return
    with a_node(k, "resize"):
        def container(requests):
            return {"spec": {"containers": [{"name": "c", "image": "i", "resources": {"requests": requests}}]}}
        patch(k, "pod", "resize", "resize", container({"cpu": "2"}))
        assert k.json("get", "pod", "resize")["spec"]["containers"][0]["resources"]["requests"]["cpu"] == "2"
        has(patch(k, "pod", "resize", "resize", container({"memory": "1Gi"}), fails=True), "resource requests cannot be removed")


CASES = {"logs": logs, "exec": execute, "attach": attach, "cp": copy, "port-forward": port_forward, "node proxy": node_proxy,
         "debug on a node": debug, "resize": resize}
