# SPDX-License-Identifier: Apache-2.0
"""Commands that a node answers: logs, exec, attach, cp, port-forward, its proxy; debug and resize of a pod that is there. The node is
master-test-kubelet: the kubelet's own server over plain processes of this machine. Each way twice: over WebSocket and over SPDY."""
import contextlib
import http.server
import json
import os
import re
import ssl
import subprocess
import threading
import urllib.error
import urllib.request

from kubectl import has
from server import PATIENCE

WAYS = [{"KUBECTL_REMOTE_COMMAND_WEBSOCKETS": way, "KUBECTL_PORT_FORWARD_WEBSOCKETS": way} for way in ("true", "false")]


@contextlib.contextmanager
def a_node(k, name):
    """A pod of that name on a node of the same."""
    program = os.path.join(os.path.dirname(k.master.program), "master-test-kubelet")
    node = f"{k.ns}-{name}"
    kubelet = subprocess.Popen([program, k.master.kubeconfig, node], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
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
        assert k("logs", "logs") == f"log of {k.ns}/logs/c\nlook 1\n"
        assert k("logs", "logs", "-c", "c", "--tail=1", "--timestamps") == "2026-01-01T00:00:00.5Z look 2\n"
        assert k("logs", "-f", "logs", "--tail=2") == "look 2\nlook 3\nlook 4\nlook 5\nlook 6\n"
        assert k("logs", "logs", "--limit-bytes=6") == "log of"
        assert k("logs", "logs", "--since-time=2026-02-01T00:00:00Z") == ""
        has(k("logs", "logs", "--previous", fails=True), 'previous terminated container "c" in pod "logs" not found')
        has(k("logs", "logs", "-c", "nobody", fails=True), "container nobody is not valid for pod logs")


def who_may(k):
    """A node's own port, asked with tokens of service accounts."""
    def ask(path, token, method="GET"):
        to = urllib.request.Request(f"https://127.0.0.1:{port}{path}", method=method, headers={"Authorization": f"Bearer {token}"} if token else {})
        trusting = ssl.create_default_context()
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        try:
            with urllib.request.urlopen(to, timeout=60, context=trusting) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refusal:
            return refusal.code, refusal.read().decode()
    with a_node(k, "who") as node:
        port = k.json("get", "node", node)["status"]["daemonEndpoints"]["kubeletEndpoint"]["Port"]
        for account in ("reader", "other"):
            k("create", "serviceaccount", account)
        k("create", "clusterrole", node, "--verb=get", "--resource=nodes/metrics,nodes/proxy")
        k("create", "clusterrolebinding", node, f"--clusterrole={node}", f"--serviceaccount={k.ns}:reader")
        try:
            reader, other = k("create", "token", "reader").strip(), k("create", "token", "other").strip()
            assert ask("/metrics/resource", "") == (401, "Unauthorized")
            assert ask("/metrics/resource", reader[:-3] + "xyz") == (401, "Unauthorized")
            user = f"system:serviceaccount:{k.ns}:other"
            assert ask("/metrics/resource", other) == (403, f"Forbidden (user={user}, verb=get, resource=nodes, subresource(s)=[metrics])")
            status, text = ask("/metrics/resource", reader)
            assert status == 200 and "\nnode_cpu_usage_seconds_total " in text, text
            assert ask("/healthz", reader) == (200, "ok")
            assert ask("/stats/summary", reader)[0] == 403
            # Reading through a node's proxy is no right to run commands.
            assert ask(f"/exec/{k.ns}/who/c?output=1&command=id", reader)[0] == 403
        finally:
            k("delete", "clusterrole,clusterrolebinding", node)


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


CASES = {"logs": logs, "who may ask a node": who_may, "exec": execute, "attach": attach, "cp": copy, "port-forward": port_forward, "node proxy": node_proxy,
         "debug on a node": debug, "resize": resize}
