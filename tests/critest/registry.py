# SPDX-License-Identifier: Apache-2.0
"""Debian's docker-registry on a free port of 127.0.0.1, for as long as a with statement lasts."""
import contextlib
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@contextlib.contextmanager
def serve(data, work, writable=False):
    """Its images are in `data`, which only `writable` changes; configuration and log are in `work`. Gives its port."""
    program = shutil.which("docker-registry")
    if not program:
        raise RuntimeError("docker-registry is missing (apt-get install docker-registry)")
    os.makedirs(data, exist_ok=True)
    log_path = os.path.join(work, "registry.log")
    for _ in range(5):  # another program may take the port first
        port = free_port()
        configuration = os.path.join(work, "registry.yml")
        with open(configuration, "w") as file:
            file.write(f"version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\nstorage:\n"
                       f"  filesystem: {{rootdirectory: {data}}}\n"
                       f"  maintenance: {{uploadpurging: {{enabled: false}}, readonly: {{enabled: {str(not writable).lower()}}}}}\n"
                       f"http: {{addr: '127.0.0.1:{port}'}}\n")
        with open(log_path, "w") as log:
            process = subprocess.Popen([program, "serve", configuration], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            if answers(process, port):
                yield port
                return
        finally:
            process.terminate()
            process.wait()
    with open(log_path) as log:
        raise RuntimeError("docker-registry does not start:\n" + log.read())


def answers(process, port):
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/", timeout=10).close()
            return True
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    return False
