# SPDX-License-Identifier: Apache-2.0
"""For tests: a registry that misbehaves as it is told. Serves every repository from one image layout, over http or https, wants
users to say who they are, redirects, breaks off, sends other bytes, and stands in for a proxy. argv[1]: a JSON object, see the uses
of `say`. Prints its port; writes a line for each request to the file "log"."""
import base64
import hashlib
import http.server
import json
import re
import socket
import ssl
import sys
import threading
import time

options = json.loads(sys.argv[1])
say = options.get
lock = threading.Lock()
left = {"cuts": say("cuts", 0), "busy": say("busy", 0)}  # faults that wear off
asked = {}


def take(fault):
    with lock:
        left[fault] -= 1
        return left[fault] >= 0


def blob(digest):
    try:
        with open(f"{options['layout']}/blobs/sha256/{digest[7:]}", "rb") as file:
            return file.read()
    except OSError:
        return None


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def note(self):
        words = [self.command, self.path, "host=" + self.headers.get("Host", ""), "auth=" + self.headers.get("Authorization", "")]
        words += [f"{name.lower()}={self.headers[name]}" for name in ("Range", "X-Test", "Proxy-Authorization") if name in self.headers]
        if say("client_authority"):
            words.append("client=" + str(dict(x[0] for x in self.connection.getpeercert()["subject"])["commonName"]))
        with lock, open(options["log"], "a") as file:
            file.write(" ".join(words) + "\n")

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def basic(self):
        return "Basic " + base64.b64encode(f"{say('user')}:{say('password')}".encode()).decode()

    def refused(self):
        kind, given = say("auth", ""), self.headers.get("Authorization", "")
        if kind == "basic" and given != self.basic():
            self.answer(401, WWW_Authenticate='Basic realm="test"')
            return True
        if kind == "token" and given != "Bearer " + say("token", "good-token"):
            realm = say("realm") or f"{'https' if say('certificate') else 'http'}://{self.headers['Host']}/token"
            self.answer(401, WWW_Authenticate=f'Bearer realm="{realm}",service="test",scope="repository:x:pull"')
            return True
        return False

    def do_CONNECT(self):  # as a proxy: every name leads to one place
        self.note()
        host, port = say("tunnel").rsplit(":", 1)
        with socket.create_connection((host, int(port))) as other:
            self.send_response(200)
            self.end_headers()
            back = threading.Thread(target=pump, args=(other, self.connection))
            back.start()
            pump(self.connection, other)
            back.join()
        self.close_connection = True

    def do_POST(self):
        self.note()
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        good = self.path == "/token" and f"refresh_token={say('identity_token')}" in body
        self.answer(200 if good else 401, json.dumps({"access_token": say("token", "good-token")}).encode() if good else b"")

    def do_GET(self):
        self.note()
        path = re.sub(r"^https?://[^/]*", "", self.path)  # as a proxy: whatever host is asked for
        path, _, query = path.partition("?")
        if path == "/token":
            allowed = not say("user") or self.headers.get("Authorization") == self.basic()
            return self.answer(200 if allowed else 401, json.dumps({"token": say("token", "good-token")}).encode() if allowed else b"")
        if path.startswith("/elsewhere/"):
            return self.content(blob(path[len("/elsewhere/"):]))
        if self.refused():
            return None
        if take("busy"):
            return self.answer(say("busy_status", 503), Retry_After="0")
        found = re.fullmatch(r"/v2/(.+)/(manifests|blobs)/([^/]+)", path)
        if not found or say("missing"):
            return self.answer(404)
        what, name = found[2], found[3]
        if what == "manifests":
            return self.manifest(name)
        if say("redirect"):
            return self.answer(307, Location=f"{say('redirect')}/elsewhere/{name}")
        return self.content(blob(name))

    def manifest(self, name):
        if name.startswith("sha256:"):
            body = blob(name)
        else:
            with open(options["layout"] + "/index.json", "rb") as file:
                index = file.read()
            body = blob(json.loads(index)["manifests"][0]["digest"])
        if body is None:
            return self.answer(404)
        kind = say("manifest_type") or json.loads(body).get("mediaType", "application/vnd.oci.image.manifest.v1+json")
        body += say("manifest_suffix", "").encode()
        return self.answer(200, body, Content_Type=kind, Docker_Content_Digest="sha256:" + hashlib.sha256(body).hexdigest())

    def content(self, body):
        if body is None:
            return self.answer(404)
        layer = len(body) > 2000  # faults strike layers, not the configuration
        if layer and say("flip") is not None:
            body = body[:say("flip")] + bytes([body[say("flip")] ^ 1]) + body[say("flip") + 1:]
        if layer and say("shorten"):
            body = body[:-say("shorten")]
        stalls = say("stall", False)
        if layer and isinstance(stalls, list):  # of the layers, in the order in which they are asked for
            with lock:
                stalls = stalls[asked.setdefault(self.path, len(asked))]
        start, status, headers = 0, 200, {}
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if wanted and not say("no_ranges"):
            start, status = int(wanted[1]), 206
            headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        if layer and say("endless"):
            self.send_header("Connection", "close")
            self.end_headers()
            try:
                self.wfile.write(body)
                while True:
                    self.wfile.write(bytes(65536))
            except OSError:
                self.close_connection = True
                return None
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        if layer and stalls:
            self.wfile.write(body[start:start + 1000])
            self.wfile.flush()
            while not self.connection.recv(1) == b"":
                time.sleep(0.01)
        elif layer and take("cuts"):
            self.wfile.write(body[start:start + say("cut_after", 1000)])
            self.wfile.flush()
            self.close_connection = True
        else:
            self.wfile.write(body[start:])
        return None


def pump(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass


server = Server(("127.0.0.1", 0), Handler)
if say("certificate"):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(options["certificate"], options["key"])
    if say("client_authority"):
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(options["client_authority"])
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
sys.stdout.write(f"{server.server_address[1]}\n")
sys.stdout.flush()
server.serve_forever()
