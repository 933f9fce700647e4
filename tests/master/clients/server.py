# SPDX-License-Identifier: Apache-2.0
"""A keelson-master of a test's own: on a free port of the loopback, with its state in the test's folder."""
import os
import socket
import subprocess
import time

PATIENCE = 180  # seconds: how long anything may take on a busy machine


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Master:
    def __init__(self, program, folder):
        self.program, self.folder, self.process = program, folder, None
        self.kubeconfig = os.path.join(folder, "admin.kubeconfig")
        self.log = os.path.join(folder, "master.log")

    def __enter__(self):
        for _ in range(5):  # another may take the port in the meantime
            port = free_port()
            with open(self.log, "w") as log:
                self.process = subprocess.Popen(
                    [self.program, "--state-dir", self.folder + "/state", "--kubeconfig", self.kubeconfig, "--port", str(port)],
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            end = time.monotonic() + PATIENCE
            while self.process.poll() is None and time.monotonic() < end:
                if "the API is served" in self.output():
                    return self
                time.sleep(0.02)
            self.stop()
        raise RuntimeError("keelson-master does not start:\n" + self.output()[-3000:])

    def output(self):
        with open(self.log) as file:
            return file.read()

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def __exit__(self, *_):
        self.stop()
