# SPDX-License-Identifier: Apache-2.0
"""What the bench of a cluster asks an API server with, ours or upstream's: JSON over one kept connection, and watches on threads of their
own that note when they heard of what."""
import base64
import http.client
import json
import queue
import re
import ssl
import threading
import time


class Api:
    def __init__(self, kubeconfig, folder):
        with open(kubeconfig) as file:
            text = file.read()
        self.host = re.search(r"https://([\d.:]+)", text)[1]

        def part(name):
            path = f"{folder}/client-{name}.pem"
            with open(path, "wb") as file:
                file.write(base64.b64decode(re.search(name + r'-data"?: *"?([A-Za-z0-9+/=]+)', text)[1]))
            return path
        self.context = ssl.create_default_context(cafile=part("certificate-authority"))
        self.context.load_cert_chain(part("client-certificate"), part("client-key"))
        self.connection = None

    def connect(self):
        return http.client.HTTPSConnection(self.host, context=self.context, timeout=300)

    def __call__(self, method, path, body=None, kind="application/json", good=range(200, 300)):
        """The answer; None where its code is not among the good ones but is 404 or 409."""
        self.connection = self.connection or self.connect()
        try:
            self.connection.request(method, path, json.dumps(body) if body is not None else None, {"Content-Type": kind, "Accept": "application/json"})
            answer = self.connection.getresponse()
            text = answer.read()
        except OSError:
            self.connection.close()
            self.connection = None
            raise
        if answer.status in good:
            return json.loads(text) if text[:1] == b"{" else text
        if answer.status in (404, 409):
            return None
        raise RuntimeError(f"{method} {path}: {answer.status} {text[:300]}")

    def answers(self):
        """Whether it is up."""
        try:
            return self("GET", "/readyz") is not None
        except (OSError, RuntimeError, http.client.HTTPException):
            self.connection = None
            return False

    def watch(self, path):
        return Watch(self, path)


class Watch:
    """Events as (seconds of the monotonic clock, type, object), from what is there on."""

    def __init__(self, api, path):
        self.events = queue.Queue()
        self.connection = api.connect()
        self.connection.request("GET", path + ("&" if "?" in path else "?") + "watch=1", None, {"Accept": "application/json"})
        self.answer = self.connection.getresponse()
        if self.answer.status != 200:
            raise RuntimeError(f"watch {path}: {self.answer.status} {self.answer.read()[:300]}")
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        try:
            for line in self.answer:
                event = json.loads(line)
                self.events.put((time.monotonic(), event["type"], event["object"]))
        except (OSError, ValueError, AttributeError, http.client.HTTPException):
            pass

    def until(self, true, what, patience=180):
        """The moment of the event of which `true` of type and object is."""
        deadline = time.monotonic() + patience
        while True:
            try:
                at, kind, thing = self.events.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise RuntimeError(f"{what}: not in {patience} s") from None
            if true(kind, thing):
                return at


def condition(thing, name):
    return next((c["status"] for c in thing.get("status", {}).get("conditions", []) if c["type"] == name), None)
